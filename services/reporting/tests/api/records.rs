//! Staff, enrolments and students as their owners publish them.

use chrono::NaiveDate;
use prost::Message;
use registrar_domain::{TenantId, UnitId};
use registrar_events::{
    Event,
    contracts::{
        personnel::{PrimaryEmployment, StaffStatistics},
        students::{Enrolment, StudentStatistics},
    },
};
use registrar_testkit::TestSystem;
use uuid::Uuid;

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What is known of a person, of staff or a student.
#[derive(Clone, Debug)]
pub struct Person {
    pub gender: &'static str,
    pub birth_year: i32,
    pub ethnic_group: Option<&'static str>,
    pub policy_category: Option<&'static str>,
    pub qualification: Option<&'static str>,
    pub training_standard: Option<&'static str>,
    pub identity_status: &'static str,
    pub missing: Vec<&'static str>,
}

/// A woman, or a girl, of whom the least is known.
pub const SHE: Person = Person {
    gender: "female",
    birth_year: 1990,
    ethnic_group: None,
    policy_category: None,
    qualification: None,
    training_standard: None,
    identity_status: "unverified",
    missing: Vec::new(),
};

fn text(value: Option<&'static str>) -> Option<String> {
    value.map(str::to_owned)
}

impl Person {
    /// As staff, with these employments.
    pub fn staff(&self, tenant: TenantId, id: Uuid, order: (i64, i64), employments: &[State]) -> Event {
        let payload = StaffStatistics {
            gender: self.gender.into(),
            birth_date: format!("{}-12-31", self.birth_year),
            ethnic_group: text(self.ethnic_group),
            policy_category: text(self.policy_category),
            qualification: text(self.qualification),
            training_standard: text(self.training_standard),
            identity_status: self.identity_status.into(),
            missing: self.missing.iter().map(|field| (*field).to_owned()).collect(),
            employments: employments.iter().map(State::employment).collect(),
        };
        event("personnel.staff_statistics", tenant, id, order, employments.iter().any(|employment| employment.ended), payload.encode_to_vec())
    }

    /// As a student of a school.
    pub fn student(&self, tenant: TenantId, id: Uuid, order: (i64, i64), school: &State) -> Event {
        let payload = StudentStatistics {
            gender: self.gender.into(),
            birth_date: format!("{}-01-01", self.birth_year),
            ethnic_group: text(self.ethnic_group),
            policy_category: text(self.policy_category),
            disability: None,
            identity_status: self.identity_status.into(),
            missing: self.missing.iter().map(|field| (*field).to_owned()).collect(),
            unit_id: school.unit.to_string(),
            education_level: text(school.level),
            status: if school.ended { "ended" } else { "active" }.into(),
        };
        event("students.student_statistics", tenant, id, order, school.ended, payload.encode_to_vec())
    }
}

/// An employment, or an enrolment.
#[derive(Clone, Debug)]
pub struct State {
    pub unit: Uuid,
    pub level: Option<&'static str>,
    pub gender: &'static str,
    /// The group of a position, or the grade.
    pub category: &'static str,
    pub position: &'static str,
    pub contract_form: Option<&'static str>,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
    /// Ended, with or without a day.
    pub ended: bool,
}

impl State {
    /// A woman who has taught at a primary school since 2020, or a girl in its fifth grade.
    pub fn at(unit: UnitId) -> Self {
        let from = day("2020-08-15");
        State { unit: unit.into(), level: Some("TH"), gender: "female", category: "teacher", position: "teacher", contract_form: None, from, to: None, ended: false }
    }

    fn employment(&self) -> PrimaryEmployment {
        PrimaryEmployment {
            unit_id: self.unit.to_string(),
            education_level: text(self.level),
            position: self.position.into(),
            position_group: self.category.into(),
            contract_form: text(self.contract_form),
            started_on: self.from.to_string(),
            ended_on: self.to.map(|to| to.to_string()),
        }
    }

    /// Of somebody with this employment only.
    pub fn staff(&self, tenant: TenantId, id: Uuid, order: (i64, i64)) -> Event {
        Person { gender: self.gender, ..SHE }.staff(tenant, id, order, std::slice::from_ref(self))
    }

    /// Of a student of whom nothing else is known.
    pub fn enrolment(&self, tenant: TenantId, id: Uuid, order: (i64, i64)) -> Event {
        self.enrolment_of(Uuid::nil(), tenant, id, order)
    }

    pub fn enrolment_of(&self, student: Uuid, tenant: TenantId, id: Uuid, order: (i64, i64)) -> Event {
        let payload = Enrolment {
            student_id: student.to_string(),
            class_id: Uuid::nil().to_string(),
            unit_id: self.unit.to_string(),
            school_year_id: Uuid::nil().to_string(),
            education_level: self.level.unwrap_or_default().into(),
            grade: Some(self.category.into()).filter(|grade: &String| !grade.is_empty()),
            gender: self.gender.into(),
            enrolled_on: self.from.to_string(),
            ended_on: self.to.map(|to| to.to_string()),
            end_reason: None,
            status: if self.ended { "ended" } else { "active" }.into(),
        };
        event("students.enrolment", tenant, id, order, self.ended, payload.encode_to_vec())
    }
}

pub fn event(aggregate: &str, tenant: TenantId, id: Uuid, (epoch, version): (i64, i64), ended: bool, payload: Vec<u8>) -> Event {
    Event {
        aggregate: aggregate.to_owned(),
        id,
        tenant_id: tenant.into(),
        epoch,
        version,
        ended,
        occurred_at: "2025-09-14T01:00:00Z".parse().unwrap(),
        payload,
        traceparent: None,
        resync: false,
    }
}

/// Hands the states over as the first versions of as many staff records.
pub async fn staff(system: &TestSystem, states: &[State]) {
    let events: Vec<Event> = states.iter().map(|state| state.staff(system.tenant(), system.new_id(), (1, 1))).collect();
    system.deliver("reporting", &events).await.unwrap();
}

/// Hands the states over as the first versions of as many enrolments.
pub async fn enrolments(system: &TestSystem, states: &[State]) {
    let events: Vec<Event> = states.iter().map(|state| state.enrolment(system.tenant(), system.new_id(), (1, 1))).collect();
    system.deliver("reporting", &events).await.unwrap();
}

/// Hands students over with their enrolments, the latter first or last by turns.
pub async fn students(system: &TestSystem, students: &[(Person, State)]) {
    let mut events = Vec::new();
    for (number, (person, state)) in students.iter().enumerate() {
        let id = system.new_id();
        let mut both = [person.student(system.tenant(), id, (1, 1), state), state.enrolment_of(id, system.tenant(), system.new_id(), (1, 1))];
        if number % 2 == 0 {
            both.reverse();
        }
        events.extend(both);
    }
    system.deliver("reporting", &events).await.unwrap();
}
