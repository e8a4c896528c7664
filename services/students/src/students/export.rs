//! Students as spreadsheets: the columns of an import, with the class each is in or was in last.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_domain::Locale;
use registrar_http::{
    List, Problem,
    exports::{ExportPage, Exporter, PageOf, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::Connection;
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
impl Exporter for StudentExporter {
    fn resource(&self) -> &'static str {
        "students"
    }

    fn action(&self) -> Action {
        Action::StudentsRead
    }

    fn sensitive_action(&self) -> Option<Action> {
        Some(Action::StudentsReadSensitive)
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn sensitive(&self) -> &'static [&'static str] {
        &SENSITIVE
    }

    fn asked(&self, query: &str, locale: Locale) -> Result<Option<Vec<String>>, Problem> {
        let list: List<StudentQuery> = List::parse(query, locale)?;
        list.page(&store::SORTS)?;
        list.fields_or_all(&FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<StudentQuery> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(&store::SORTS)?);
        let filter = StudentFilter { sensitive: page.sensitive, ..list.filter.into() };
        let found = store::list(conn, access, &filter, &request).await?;
        let ids: Vec<_> = found.items.iter().map(|student| student.record.id).collect();
        if page.sensitive {
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

/// The columns `ended_on` and `end_reason` are those of the enrolment, as in an import.
fn row(student: &ShownStudent, latest: Option<&LatestEnrolment>) -> Result<Map<String, Value>, Problem> {
    let mut row = flat(&student.record.to_input()?)?;
    let enrolment = latest.map(|latest| {
        json!({
            "school_year_code": latest.school_year_code, "class_name": latest.class_name, "enrolled_on": latest.enrolled_on,
            "ended_on": latest.ended_on, "end_reason": latest.end_reason,
        })
    });
    row.remove("ended_on");
    row.remove("end_reason");
    if let Some(Value::Object(cells)) = enrolment {
        row.extend(cells.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(row)
}
