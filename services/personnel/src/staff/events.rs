//! Staff records as events: what other services may know of them, and what reports alone may count. The personal number
//! and contacts stay here.

use registrar_events::contracts::personnel::{PrimaryEmployment, Staff, StaffStatistics};

use super::{
    model::{StaffColumns, StaffRecord},
    position::Position,
    store::AGGREGATE,
};
use crate::schema::staff;

registrar_events::table_source! {
    /// Publishes staff records.
    StaffSource, AGGREGATE, staff, StaffRecord, published
}

fn published(row: StaffRecord) -> (bool, Staff) {
    let columns = row.columns;
    let group = Position::from_code(&columns.position).ok().map(|position| position.group().as_str().to_owned());
    let payload = Staff {
        code: columns.code,
        full_name: columns.full_name,
        gender: columns.gender,
        position: columns.position,
        position_group: group,
        education_level: columns.education_level,
        unit_id: columns.unit_id.to_string(),
        ended_on: columns.ended_on.map(|date| date.to_string()),
        end_reason: columns.end_reason,
        started_on: Some(columns.started_on.to_string()),
        status: columns.status,
    };
    (payload.status == "ended", payload)
}

registrar_events::table_source! {
    /// Publishes what is counted of staff.
    StaffStatisticsSource, "personnel.staff_statistics", staff, StaffRecord, counted, tracked_as AGGREGATE
}

fn counted(row: StaffRecord) -> (bool, StaffStatistics) {
    let columns = row.columns;
    let text = |value: Option<&str>| value.map(str::to_owned);
    let sensitive = &columns.sensitive;
    let policy_category = sensitive.own_priority.as_ref().or(sensitive.family_priority.as_ref());
    let payload = StaffStatistics {
        gender: columns.gender.clone(),
        birth_date: columns.birth_date.to_string(),
        ethnic_group: text(sensitive.ethnic_group.as_ref().map(|group| group.as_str())),
        policy_category: text(policy_category.map(|category| category.as_str())),
        qualification: text(columns.training.0.qualification.as_ref().map(|qualification| qualification.as_str())),
        training_standard: text(columns.training.0.training_standard.map(|standard| standard.as_str())),
        identity_status: columns.identity_status.as_str().to_owned(),
        missing: columns.missing().into_iter().map(str::to_owned).collect(),
        employments: employments(&columns),
    };
    (columns.status == "ended", payload)
}

fn employments(columns: &StaffColumns) -> Vec<PrimaryEmployment> {
    let group = |position: Position| position.group().as_str().to_owned();
    let former = columns.former_employments.0.iter().map(|former| PrimaryEmployment {
        unit_id: former.unit_id.to_string(),
        education_level: former.education_level.map(|level| level.as_str().to_owned()),
        position: former.position.as_str().to_owned(),
        position_group: group(former.position),
        contract_form: former.contract_form.as_ref().map(|form| form.as_str().to_owned()),
        started_on: former.started_on.to_string(),
        ended_on: former.ended_on.map(|date| date.to_string()),
    });
    let present = PrimaryEmployment {
        unit_id: columns.unit_id.to_string(),
        education_level: columns.education_level.clone(),
        position: columns.position.clone(),
        position_group: Position::from_code(&columns.position).map(group).unwrap_or_default(),
        contract_form: columns.terms.contract_form.as_ref().map(|form| form.as_str().to_owned()),
        started_on: columns.started_on.to_string(),
        ended_on: columns.ended_on.map(|date| date.to_string()),
    };
    former.chain(std::iter::once(present)).collect()
}
