//! Staff records and enrolments as their owners publish them.

use chrono::NaiveDate;
use prost::Message;
use registrar_domain::{TenantId, UnitId};
use registrar_events::{
    Event,
    contracts::{personnel::Staff, students::Enrolment},
};
use registrar_testkit::TestSystem;
use uuid::Uuid;

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A state of a staff record or an enrolment.
#[derive(Clone, Debug)]
pub struct State {
    pub unit: Uuid,
    pub level: Option<&'static str>,
    pub gender: &'static str,
    /// The group of a position, or the grade.
    pub category: &'static str,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
    /// Ended, with or without a day.
    pub ended: bool,
}

impl State {
    /// A woman who has taught at a primary school since 2020, or a girl in its fifth grade.
    pub fn at(unit: UnitId) -> Self {
        State { unit: unit.into(), level: Some("TH"), gender: "female", category: "teacher", from: day("2020-08-15"), to: None, ended: false }
    }

    pub fn staff(&self, tenant: TenantId, id: Uuid, order: (i64, i64)) -> Event {
        let payload = Staff {
            code: id.to_string(),
            full_name: "Trần Văn An".into(),
            gender: self.gender.into(),
            position: "teacher".into(),
            position_group: Some(self.category.into()).filter(|group: &String| !group.is_empty()),
            education_level: self.level.map(str::to_owned),
            unit_id: self.unit.to_string(),
            status: if self.ended { "ended" } else { "active" }.into(),
            started_on: Some(self.from.to_string()),
            ended_on: self.to.map(|to| to.to_string()),
            end_reason: None,
        };
        event("personnel.staff", tenant, id, order, self.ended, payload.encode_to_vec())
    }

    pub fn enrolment(&self, tenant: TenantId, id: Uuid, order: (i64, i64)) -> Event {
        let payload = Enrolment {
            student_id: id.to_string(),
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
