//! Filters of the list of students, and which students they leave.

use registrar_domain::{EducationLevel, Hierarchy};

use super::{
    school::{School, Student},
    world::{Authority, Dice, authority::BOTH, names, reader::Query},
};

#[derive(Clone, Debug)]
pub enum Filter {
    Words(String),
    Code(String),
    Class(usize),
    Unit(usize),
    Within(usize, Hierarchy),
    Level(EducationLevel),
    Status(&'static str),
}

const KINDS: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

impl Filter {
    /// One or two filters that somebody like this student passes.
    pub fn some_like(dice: &mut Dice, authority: &Authority, student: &Student) -> Vec<Self> {
        let count = 1 + dice.below(2);
        dice.some(&KINDS, count).into_iter().map(|kind| Self::like(dice, kind, authority, student)).collect()
    }

    fn like(dice: &mut Dice, kind: usize, authority: &Authority, student: &Student) -> Self {
        match kind {
            0 => Filter::Words(names::searched(dice, &student.name)),
            1 => Filter::Code(student.code.clone()),
            // Students of the first class, when this one is in none.
            2 => Filter::Class(student.class.unwrap_or(0)),
            3 => Filter::Status(student.status),
            4 => Filter::Level(student.level.unwrap_or(dice.pick(EducationLevel::ALL))),
            5 => Filter::Unit(student.unit),
            _ => {
                let hierarchy = dice.pick(&BOTH);
                Filter::Within(dice.pick(authority.above(student.unit, hierarchy)), hierarchy)
            }
        }
    }

    pub fn keeps(&self, authority: &Authority, student: &Student) -> bool {
        match self {
            Filter::Words(words) => names::has_words(&student.unaccented, words),
            Filter::Code(code) => student.code == *code,
            Filter::Class(class) => student.class == Some(*class),
            Filter::Unit(unit) => student.unit == *unit,
            Filter::Within(unit, hierarchy) => authority.above(student.unit, *hierarchy).contains(unit),
            Filter::Level(level) => student.level == Some(*level),
            Filter::Status(status) => student.status == *status,
        }
    }

    pub fn parameters(&self, authority: &Authority, school: &School) -> Query {
        let id = |unit: &usize| authority.units[*unit].id.to_string();
        match self {
            Filter::Words(words) => vec![("q", words.clone())],
            Filter::Code(code) => vec![("code", code.clone())],
            Filter::Class(class) => vec![("class_id", school.classes[*class].id.to_string())],
            Filter::Unit(unit) => vec![("unit_id", id(unit))],
            Filter::Within(unit, hierarchy) => vec![("within", id(unit)), ("hierarchy", hierarchy.to_string())],
            Filter::Level(level) => vec![("education_level", level.to_string())],
            Filter::Status(status) => vec![("status", (*status).to_owned())],
        }
    }
}
