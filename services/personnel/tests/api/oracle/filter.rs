//! Filters of the list of staff, and which people they leave.

use registrar_domain::{EducationLevel, Hierarchy};

use super::{
    people::Person,
    world::{Authority, Dice, authority::BOTH, names, reader::Query},
};

#[derive(Clone, Debug)]
pub enum Filter {
    Words(String),
    Code(String),
    Unit(usize),
    Within(usize, Hierarchy),
    Level(EducationLevel),
    Status(&'static str),
    EmployedIn(usize),
}

const KINDS: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

impl Filter {
    /// One or two filters that somebody like this person passes.
    pub fn some_like(dice: &mut Dice, authority: &Authority, person: &Person) -> Vec<Self> {
        let count = 1 + dice.below(2);
        dice.some(&KINDS, count).into_iter().map(|kind| Self::like(dice, kind, authority, person)).collect()
    }

    fn like(dice: &mut Dice, kind: usize, authority: &Authority, person: &Person) -> Self {
        match kind {
            0 => Filter::Words(names::searched(dice, &person.name)),
            1 => Filter::Code(person.code.clone()),
            2 => Filter::Unit(person.unit),
            3 => {
                let hierarchy = dice.pick(&BOTH);
                Filter::Within(dice.pick(authority.above(person.unit, hierarchy)), hierarchy)
            }
            4 => Filter::Level(person.level.unwrap_or(dice.pick(EducationLevel::ALL))),
            5 => Filter::Status(person.status),
            _ => Filter::EmployedIn(person.elsewhere.first().map_or(person.unit, |other| other.unit)),
        }
    }

    pub fn keeps(&self, authority: &Authority, person: &Person) -> bool {
        match self {
            Filter::Words(words) => names::has_words(&person.unaccented, words),
            Filter::Code(code) => person.code == *code,
            Filter::Unit(unit) => person.unit == *unit,
            Filter::Within(unit, hierarchy) => authority.above(person.unit, *hierarchy).contains(unit),
            Filter::Level(level) => person.level == Some(*level),
            Filter::Status(status) => person.status == *status,
            Filter::EmployedIn(unit) => person.unit == *unit || person.elsewhere_today(authority.today).any(|other| other == *unit),
        }
    }

    pub fn parameters(&self, authority: &Authority) -> Query {
        let id = |unit: &usize| authority.units[*unit].id.to_string();
        match self {
            Filter::Words(words) => vec![("q", words.clone())],
            Filter::Code(code) => vec![("code", code.clone())],
            Filter::Unit(unit) => vec![("unit_id", id(unit))],
            Filter::Within(unit, hierarchy) => vec![("within", id(unit)), ("hierarchy", hierarchy.to_string())],
            Filter::Level(level) => vec![("education_level", level.to_string())],
            Filter::Status(status) => vec![("status", (*status).to_owned())],
            Filter::EmployedIn(unit) => vec![("employed_in", id(unit))],
        }
    }
}
