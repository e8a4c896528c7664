//! Students as spreadsheets: the columns of an import, with the class each is in or was in last.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_http::{
    Problem,
    exports::{ExportPage, ListExporter, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};
use serde_json::{Map, Value, json};

use super::{
    api::{FIELDS, StudentQuery},
    columns::{COLUMNS, SENSITIVE},
    model::ShownStudent,
    parents,
    store::{self, StudentFilter},
};
use crate::enrolments::{self, store::LatestEnrolment};

/// Exports students.
pub struct StudentExporter;

#[async_trait]
impl ListExporter for StudentExporter {
    type Query = StudentQuery;

    const RESOURCE: &'static str = "students";
    const ACTION: Action = Action::StudentsRead;
    const SENSITIVE: Option<(Action, &'static [&'static str])> = Some((Action::StudentsReadSensitive, &SENSITIVE));
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: StudentQuery, page: &PageRequest, sensitive: bool) -> Result<ExportPage, Problem> {
        let filter = StudentFilter { sensitive, ..query.into() };
        let found = store::list(conn, access, &filter, page).await?;
        let ids: Vec<_> = found.items.iter().map(|student| student.record.id).collect();
        if sensitive {
            store::log_read(conn, access, ids.clone()).await?;
        }
        let parents = parents::cells(conn, access, &ids).await?;
        let latest = enrolments::store::latest_of(conn, access, ids).await?;
        let units: BTreeSet<_> = found.items.iter().map(|student| student.record.placement.unit_id).collect();
        let codes = units::codes(conn, access, units).await?;
        let rows = found.items.iter().map(|student| {
            let mut row = row(student, latest.get(&student.record.id))?;
            row.extend(parents.get(&student.record.id).cloned().unwrap_or_default());
            row.insert("unit_code".to_owned(), json!(codes.get(&student.record.placement.unit_id)));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}

/// The columns of an end are those of the enrolment, as in an import.
fn row(student: &ShownStudent, latest: Option<&LatestEnrolment>) -> Result<Map<String, Value>, Problem> {
    let mut row = flat(&student.record.to_input()?)?;
    let enrolment = latest.map(|latest| {
        json!({
            "school_year_code": latest.school_year_code, "class_name": latest.class_name, "enrolled_on": latest.enrolled_on,
            "ended_on": latest.ended_on, "end_kind": latest.end_kind, "leaving_reason": latest.leaving_reason, "end_reason": latest.end_reason,
        })
    });
    for field in ["ended_on", "end_kind", "leaving_reason", "end_reason"] {
        row.remove(field);
    }
    if let Some(Value::Object(cells)) = enrolment {
        row.extend(cells.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(row)
}
