//! Teaching assignments as spreadsheets: the columns of an import.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_http::{
    Problem,
    exports::{ExportPage, ListExporter, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};
use serde_json::json;

use super::{
    api::{AssignmentQuery, FIELDS},
    columns::COLUMNS,
    store,
};
use crate::{classes, school_years};

/// Exports teaching assignments.
pub struct AssignmentExporter;

#[async_trait]
impl ListExporter for AssignmentExporter {
    type Query = AssignmentQuery;

    const RESOURCE: &'static str = "assignments";
    const ACTION: Action = Action::AssignmentsRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: AssignmentQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.into(), page).await?;
        let unit_codes = units::codes(conn, access, found.items.iter().map(|assignment| assignment.record.unit_id).collect()).await?;
        let years = classes::store::school_years_of(conn, access, found.items.iter().map(|assignment| assignment.record.columns.class_id).collect()).await?;
        let year_codes = school_years::store::codes(conn, access, years.values().copied().collect::<BTreeSet<_>>()).await?;
        let rows = found.items.iter().map(|assignment| {
            let mut row = flat(&assignment.record.columns.to_input()?)?;
            row.insert("unit_code".to_owned(), json!(unit_codes.get(&assignment.record.unit_id)));
            row.insert("school_year_code".to_owned(), json!(years.get(&assignment.record.columns.class_id).and_then(|year| year_codes.get(year))));
            row.insert("class_name".to_owned(), json!(assignment.class.name));
            row.insert("staff_code".to_owned(), json!(assignment.staff.code));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
