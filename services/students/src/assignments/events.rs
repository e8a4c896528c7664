//! Teaching assignments as events.

use registrar_events::contracts::students::Assignment;

use super::{model::AssignmentRecord, store::AGGREGATE};
use crate::schema::assignments;

registrar_events::table_source! {
    /// Publishes assignments.
    AssignmentSource, AGGREGATE, assignments, AssignmentRecord, published
}

fn published(row: AssignmentRecord) -> (bool, Assignment) {
    let columns = row.columns;
    let payload = Assignment {
        staff_id: columns.staff_id.to_string(),
        class_id: columns.class_id.to_string(),
        subject: columns.subject.into_string(),
        periods_per_week: Some(columns.periods_per_week.to_string()),
        from: columns.valid_from.to_string(),
        to: columns.valid_to.map(|date| date.to_string()),
        status: columns.status,
    };
    (payload.status == "ended", payload)
}
