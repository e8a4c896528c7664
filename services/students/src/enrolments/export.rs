//! Enrolments as spreadsheets: the columns of an import.

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
use uuid::Uuid;

use super::{
    api::{EnrolmentQuery, FIELDS},
    columns::COLUMNS,
    model::EnrolmentRecord,
    store,
};
use crate::{school_years, students};

/// Exports enrolments.
pub struct EnrolmentExporter;

#[async_trait]
impl ListExporter for EnrolmentExporter {
    type Query = EnrolmentQuery;

    const RESOURCE: &'static str = "enrolments";
    const ACTION: Action = Action::StudentsRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: EnrolmentQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.into(), page).await?;
        let of = |id: fn(&EnrolmentRecord) -> Uuid| found.items.iter().map(|enrolment| id(&enrolment.record)).collect::<BTreeSet<_>>();
        let student_codes = students::store::codes(conn, access, of(|record| record.columns.student_id)).await?;
        let unit_codes = units::codes(conn, access, of(|record| record.copied.unit_id)).await?;
        let year_codes = school_years::store::codes(conn, access, of(|record| record.copied.school_year_id)).await?;
        let rows = found.items.iter().map(|enrolment| {
            let (columns, copied) = (&enrolment.record.columns, &enrolment.record.copied);
            let mut row = flat(&columns.to_input())?;
            row.insert("student_code".to_owned(), json!(student_codes.get(&columns.student_id)));
            row.insert("unit_code".to_owned(), json!(unit_codes.get(&copied.unit_id)));
            row.insert("school_year_code".to_owned(), json!(year_codes.get(&copied.school_year_id)));
            row.insert("class_name".to_owned(), json!(enrolment.class.name));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
