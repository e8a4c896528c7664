//! Random staff and students.

use chrono::NaiveDate;
use registrar_domain::TenantId;
use registrar_events::Event;
use registrar_reporting::headcounts::model::Subject;
use registrar_testkit::TestSystem;

use super::world::{
    Authority, Dice,
    authority::{levels, long_ago},
};
use crate::records::{Person as Known, State};

/// A member of staff, or a student, at one unit.
#[derive(Clone, Debug)]
pub struct Person {
    pub subject: Subject,
    pub unit: usize,
    pub known: Known,
    pub state: State,
}

impl Person {
    fn random(dice: &mut Dice, authority: &Authority, tenant: TenantId) -> Self {
        let layer = dice.pick(&[0, 1, 2, 2, 3, 3, 3, 3, 3, 4]);
        let unit = dice.pick(&authority.units_of(tenant, layer));
        let of_unit = &authority.units[unit].levels;
        let level = match dice.below(8) {
            0 | 1 => None,
            2..=6 if !of_unit.is_empty() => Some(dice.pick(of_unit)),
            _ => levels(dice, &[1]).pop(),
        };
        let subject = dice.pick(Subject::ALL);
        let (one, other) = (authority.day(dice), authority.day(dice));
        let to = dice.chance(25).then(|| one.max(other));
        let known = Known {
            gender: dice.pick(&["female", "female", "male"]),
            birth_year: 1965 + i32::try_from(dice.below(55)).unwrap(),
            ethnic_group: dice.pick(&[None, Some("vn-ethnic/2008/01"), Some("vn-ethnic/2008/01"), Some("vn-ethnic/2008/01"), Some("vn-ethnic/2008/02"), Some("vn-ethnic/2008/04")]),
            policy_category: dice.pick(&[None, None, None, Some("vn-policy-category/1/orphan")]),
            qualification: None,
            training_standard: None,
            identity_status: dice.pick(&["verified", "verified", "unverified", "mismatch"]),
            missing: dice.pick(&[vec![], vec![], vec!["phone"], vec!["phone", "personal.photo"]]),
        };
        let state = State {
            unit: authority.units[unit].id,
            level: level.map(|level| level.as_str()),
            gender: known.gender,
            category: dice.pick(if subject == Subject::Staff { &["teacher", "manager", "employee"] } else { &["1", "5", ""] }),
            position: "teacher",
            contract_form: None,
            from: if dice.chance(60) { long_ago() } else { one.min(other) },
            to,
            ended: to.is_some() && dice.chance(50),
        };
        Person { subject, unit, known, state }
    }

    /// Whether the person is counted on a day.
    pub fn is_there(&self, on: NaiveDate) -> bool {
        self.state.from <= on && self.state.to.is_none_or(|to| on <= to)
    }

    /// The value of a dimension, by its name; empty when there is none.
    pub fn value(&self, dimension: &str) -> String {
        let value = match dimension {
            "education_level" => self.state.level,
            "gender" => Some(self.known.gender),
            "ethnic_group" => self.known.ethnic_group,
            "policy_category" => self.known.policy_category,
            _ => Some(self.state.category),
        };
        value.unwrap_or_default().to_owned()
    }

    fn events(&self, system: &TestSystem, tenant: TenantId) -> Vec<Event> {
        let id = system.new_id();
        match self.subject {
            Subject::Staff => vec![self.known.staff(tenant, id, (1, 1), std::slice::from_ref(&self.state))],
            Subject::Students => {
                vec![self.state.enrolment_of(id, tenant, system.new_id(), (1, 1)), self.known.student(tenant, id, (1, 1), &self.state)]
            }
        }
    }
}

/// So many people of a tenant, handed over in any order.
pub async fn enter(system: &TestSystem, dice: &mut Dice, authority: &Authority, tenant: TenantId, count: usize) -> Vec<Person> {
    let people: Vec<Person> = (0..count).map(|_| Person::random(dice, authority, tenant)).collect();
    let mut events: Vec<Event> = people.iter().flat_map(|person| person.events(system, tenant)).collect();
    dice.shuffle(&mut events);
    for batch in events.chunks(500) {
        system.deliver("reporting", batch).await.unwrap();
    }
    people
}
