//! Grants as events.

use registrar_events::contracts::identity::Grant;

use super::{model::GrantRecord, store::AGGREGATE};
use crate::schema::grants;

registrar_events::table_source! {
    /// Publishes grants.
    GrantSource, AGGREGATE, grants, GrantRecord, published
}

fn published(row: GrantRecord) -> (bool, Grant) {
    let columns = row.columns;
    let payload = Grant {
        account_id: columns.account_id.to_string(),
        role: columns.role,
        unit_id: columns.unit_id.to_string(),
        hierarchy: columns.hierarchy,
        education_levels: columns.education_levels,
        class_ids: columns.class_ids.iter().map(ToString::to_string).collect(),
        valid_from: columns.valid_from.to_string(),
        valid_until: columns.valid_until.map(|date| date.to_string()),
        status: columns.status,
        given_by: Some(row.given_by.to_string()),
    };
    (payload.status == "ended", payload)
}
