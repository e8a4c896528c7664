//! School years as events.

use registrar_events::contracts::students::SchoolYear;

use super::{model::SchoolYearRecord, store::AGGREGATE};
use crate::schema::school_years;

registrar_events::table_source! {
    /// Publishes school years.
    SchoolYearSource, AGGREGATE, school_years, SchoolYearRecord, published
}

fn published(row: SchoolYearRecord) -> (bool, SchoolYear) {
    let columns = row.columns;
    let payload = SchoolYear { code: columns.code, name: columns.name, starts_on: columns.starts_on.to_string(), ends_on: columns.ends_on.to_string() };
    (false, payload)
}
