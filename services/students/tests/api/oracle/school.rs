//! Random classes, those who teach and learn in them, and who may see which.

use std::{collections::HashSet, ops::Range};

use chrono::{Days, NaiveDate};
use registrar_domain::{EducationLevel, TenantId};
use uuid::Uuid;

use super::world::{
    Authority, Dice, Standing,
    authority::{levels, long_ago},
    names::{self, Order},
};

/// Records of a kind are named by their places.
#[derive(Clone, Debug)]
pub struct Class {
    pub id: Uuid,
    pub unit: usize,
    pub level: EducationLevel,
    pub grade: Option<usize>,
    /// What follows the grade: a letter, or the whole name without the number.
    pub word: &'static str,
    pub number: usize,
    pub homeroom: Option<Uuid>,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub struct Assignment {
    pub id: Uuid,
    pub staff: Uuid,
    pub class: usize,
    pub subject: &'static str,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub struct Student {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub order: Order,
    pub unaccented: String,
    pub unit: usize,
    pub level: Option<EducationLevel>,
    pub class: Option<usize>,
    pub status: &'static str,
    pub number: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Enrolment {
    pub id: Uuid,
    pub student: usize,
    pub class: usize,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

#[derive(Default)]
pub struct School {
    /// Staff records that teachers of classes have, whether or not this service knows them.
    pub staff: Vec<(Uuid, TenantId)>,
    /// Those of which it is known that they have left.
    pub gone: HashSet<Uuid>,
    pub classes: Vec<Class>,
    pub assignments: Vec<Assignment>,
    pub students: Vec<Student>,
    pub enrolments: Vec<Enrolment>,
}

const SUBJECTS: [&str; 3] = ["vn-subject/2018/TOAN", "vn-subject/2018/NN1", "vn-subject/2018/NV"];

impl Class {
    pub fn name(&self) -> String {
        match self.grade {
            Some(grade) => format!("{grade}{}{}", self.word, self.number),
            None => format!("{} {}", self.word, self.number),
        }
    }

    /// As people sort names of classes: grades first, numbers by what they are worth.
    pub fn order(&self) -> (bool, Option<usize>, String, usize) {
        (self.grade.is_none(), self.grade, names::unaccented(self.word), self.number)
    }

    pub fn standing(&self) -> Standing {
        Standing { unit: self.unit, level: Some(self.level), class: Some(self.id) }
    }
}

impl School {
    /// Adds staff, classes and assignments of a tenant.
    pub fn add_classes(&mut self, dice: &mut Dice, authority: &Authority, tenant: TenantId, count: usize) {
        let staff: Vec<Uuid> = (0..count * 2 / 3).map(|_| dice.id()).collect();
        self.gone.extend(staff.iter().filter(|_| dice.chance(15)));
        let schools = dice.some(&[authority.units_of(tenant, 3), authority.units_of(tenant, 4)].concat(), count / 3);
        let first = self.classes.len();
        for number in 0..count {
            let class = random_class(dice, authority, schools[number % schools.len()], &staff, first + number);
            self.classes.push(class);
        }
        let mut known = HashSet::new();
        for _ in 0..count * 3 {
            let assignment = self.random_assignment(dice, authority, &staff, first..self.classes.len());
            if known.insert((assignment.staff, assignment.class, assignment.subject, assignment.from)) {
                self.assignments.push(assignment);
            }
        }
        self.staff.extend(staff.into_iter().map(|staff| (staff, tenant)));
    }

    fn random_assignment(&self, dice: &mut Dice, authority: &Authority, staff: &[Uuid], classes: Range<usize>) -> Assignment {
        let (one, other) = (authority.day(dice), authority.day(dice));
        let from = if dice.chance(50) { long_ago() } else { one.min(other) };
        let to = dice.chance(60).then(|| one.max(other));
        let class = classes.start + dice.below(classes.len());
        Assignment { id: dice.id(), staff: dice.pick(staff), class, subject: dice.pick(&SUBJECTS), from, to, ended: to.is_some() && dice.chance(20) }
    }

    /// Adds students of a tenant, most of them in a class, and their enrolments.
    pub fn add_students(&mut self, dice: &mut Dice, authority: &Authority, tenant: TenantId, numbers: Range<usize>) {
        let of_tenant = |class: &usize| authority.units[self.classes[*class].unit].tenant == tenant;
        let all: Vec<usize> = (0..self.classes.len()).filter(of_tenant).collect();
        let open: Vec<usize> = all.iter().copied().filter(|class| !self.classes[*class].ended).collect();
        for number in numbers {
            let class = dice.chance(80).then(|| dice.pick(&open));
            let student = self.random_student(dice, authority, tenant, class, number);
            let place = self.students.len();
            if let Some(class) = class {
                let from = authority.today - Days::new(dice.pick(&[0, 10, 10, 14]));
                self.enrolments.push(Enrolment { id: dice.id(), student: place, class, from, to: None });
            }
            if dice.chance(25) {
                // Whoever leaves a class today is in it today.
                let to = authority.today - Days::new(dice.pick(&[0, 1, 100]));
                self.enrolments.push(Enrolment { id: dice.id(), student: place, class: dice.pick(&all), from: to - Days::new(200), to: Some(to) });
            }
            self.students.push(student);
        }
    }

    fn random_student(&self, dice: &mut Dice, authority: &Authority, tenant: TenantId, class: Option<usize>, number: usize) -> Student {
        let name = names::random(dice);
        let of_class = class.map(|class| (self.classes[class].unit, Some(self.classes[class].level)));
        let (unit, level) = of_class.unwrap_or_else(|| (dice.pick(&authority.units_of(tenant, 3)), levels(dice, &[0, 1]).pop()));
        Student {
            id: dice.id(),
            code: format!("{}{number:05}", dice.pick(&["A", "B", "C", "0"])),
            order: names::order(&name),
            unaccented: names::unaccented(&name),
            name,
            unit,
            level,
            class,
            status: if class.is_none() && dice.chance(40) { "ended" } else { "active" },
            number: dice.chance(50).then(|| format!("048315{number:06}")),
        }
    }

    /// For each student the class of the latest enrolment at the unit that keeps the record.
    pub fn latest_classes(&self) -> Vec<Option<usize>> {
        let mut latest: Vec<Option<&Enrolment>> = vec![None; self.students.len()];
        for enrolment in self.enrolments.iter().filter(|enrolment| self.classes[enrolment.class].unit == self.students[enrolment.student].unit) {
            let known = &mut latest[enrolment.student];
            *known = known.iter().copied().chain([enrolment]).max_by_key(|enrolment| (enrolment.from, enrolment.id));
        }
        latest.into_iter().map(|enrolment| enrolment.map(|enrolment| enrolment.class)).collect()
    }
}

fn random_class(dice: &mut Dice, authority: &Authority, unit: usize, staff: &[Uuid], number: usize) -> Class {
    let of_unit = &authority.units[unit].levels;
    let level = if of_unit.is_empty() { dice.pick(EducationLevel::ALL) } else { dice.pick(of_unit) };
    let grades = (1..=12).filter(|grade| level.check_grade(Some(*grade)).is_ok()).map(|grade| usize::try_from(grade).unwrap()).collect::<Vec<_>>();
    let grade = (!grades.is_empty()).then(|| dice.pick(&grades));
    let word = if grade.is_some() { dice.pick(&["A", "B"]) } else { dice.pick(&["Lá", "Mầm", "Chồi"]) };
    Class { id: dice.id(), unit, level, grade, word, number, homeroom: dice.chance(60).then(|| dice.pick(staff)), ended: dice.chance(5) }
}
