//! Staff as spreadsheets: the columns of an import.

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
    api::{FIELDS, StaffQuery},
    columns::{COLUMNS, SENSITIVE},
    store::{self, StaffFilter},
};

/// Exports staff.
pub struct StaffExporter;

#[async_trait]
impl ListExporter for StaffExporter {
    type Query = StaffQuery;

    const RESOURCE: &'static str = "staff";
    const ACTION: Action = Action::StaffRead;
    const SENSITIVE: Option<(Action, &'static [&'static str])> = Some((Action::StaffReadSensitive, &SENSITIVE));
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: StaffQuery, page: &PageRequest, sensitive: bool) -> Result<ExportPage, Problem> {
        let filter = StaffFilter { sensitive, ..query.into() };
        let found = store::list(conn, access, &filter, page).await?;
        if sensitive {
            store::log_read(conn, access, found.items.iter().map(|record| record.id).collect()).await?;
        }
        let codes = units::codes(conn, access, found.items.iter().map(|record| record.columns.unit_id).collect()).await?;
        let rows = found.items.iter().map(|record| {
            let mut row = flat(&record.columns.to_input()?)?;
            row.insert("unit_code".to_owned(), json!(codes.get(&record.columns.unit_id)));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
