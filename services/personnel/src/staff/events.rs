//! Staff records as events: what other services may know of them. The personal number and contacts stay here.

use registrar_events::contracts::personnel::Staff;

use super::{
    model::{Position, StaffRecord},
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
