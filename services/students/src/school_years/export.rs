//! School years as spreadsheets: the columns of an import.

use async_trait::async_trait;
use registrar_access::{Access, Action};
use registrar_http::{
    Problem,
    exports::{ExportPage, ListExporter, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};

use super::{
    api::{FIELDS, SchoolYearQuery},
    columns::COLUMNS,
    store,
};

/// Exports school years.
pub struct SchoolYearExporter;

#[async_trait]
impl ListExporter for SchoolYearExporter {
    type Query = SchoolYearQuery;

    const RESOURCE: &'static str = "school-years";
    const ACTION: Action = Action::SchoolYearsRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: SchoolYearQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.into(), page).await?;
        let rows = found.items.iter().map(|year| flat(&year.columns.to_input()?));
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
