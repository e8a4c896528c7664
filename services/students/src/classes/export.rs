//! Classes as spreadsheets: the columns of an import.

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
    api::{ClassQuery, FIELDS},
    columns::COLUMNS,
    store,
};
use crate::school_years;

/// Exports classes.
pub struct ClassExporter;

#[async_trait]
impl ListExporter for ClassExporter {
    type Query = ClassQuery;

    const RESOURCE: &'static str = "classes";
    const ACTION: Action = Action::ClassesRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: ClassQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.into(), page).await?;
        let of = |id: fn(&super::model::ClassColumns) -> uuid::Uuid| found.items.iter().map(|class| id(&class.record.columns)).collect::<BTreeSet<_>>();
        let codes = units::codes(conn, access, of(|columns| columns.unit_id)).await?;
        let years = school_years::store::codes(conn, access, of(|columns| columns.school_year_id)).await?;
        let rows = found.items.iter().map(|class| {
            let columns = &class.record.columns;
            let mut row = flat(&columns.to_input()?)?;
            row.insert("unit_code".to_owned(), json!(codes.get(&columns.unit_id)));
            row.insert("school_year_code".to_owned(), json!(years.get(&columns.school_year_id)));
            row.insert("homeroom_teacher_code".to_owned(), json!(class.homeroom_teacher.as_ref().and_then(|teacher| teacher.code.as_deref())));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
