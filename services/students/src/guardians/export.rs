//! Guardians as spreadsheets: the columns of an import, a row for each child that the reader sees.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action};
use registrar_http::{
    Problem,
    exports::{ExportPage, ListExporter, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};
use serde_json::json;
use uuid::Uuid;

use super::{
    api::{FIELDS, GuardianQuery},
    columns::{COLUMNS, SENSITIVE},
    store::{self, GuardianFilter},
};
use crate::students;

/// Exports guardians.
pub struct GuardianExporter;

#[async_trait]
impl ListExporter for GuardianExporter {
    type Query = GuardianQuery;

    const RESOURCE: &'static str = "guardians";
    const ACTION: Action = Action::StudentsRead;
    const SENSITIVE: Option<(Action, &'static [&'static str])> = Some((Action::StudentsReadSensitive, &SENSITIVE));
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: GuardianQuery, page: &PageRequest, sensitive: bool) -> Result<ExportPage, Problem> {
        let filter = GuardianFilter { sensitive, ..query.into() };
        let found = store::list(conn, access, &filter, page).await?;
        if sensitive {
            store::log_read(conn, access, found.items.iter().map(|guardian| guardian.record.id).collect()).await?;
        }
        let children: BTreeSet<Uuid> = found.items.iter().flat_map(|guardian| guardian.seen.iter().copied()).collect();
        let codes = students::store::codes(conn, access, children).await?;
        let mut rows = Vec::with_capacity(found.items.len());
        for guardian in &found.items {
            let input = guardian.to_input();
            let mut person = flat(&input)?;
            person.insert("id".to_owned(), json!(guardian.record.id));
            for child in &input.children.0 {
                let mut row = person.clone();
                row.insert("student_code".to_owned(), json!(codes.get(&child.student_id.into())));
                row.insert("relation".to_owned(), json!(child.relation));
                row.insert("children.legal_representative".to_owned(), json!(child.legal_representative));
                row.insert("children.primary_contact".to_owned(), json!(child.primary_contact));
                let days = [("children.valid_from", child.valid_from), ("children.valid_to", child.valid_to)];
                row.extend(days.into_iter().filter_map(|(field, day)| Some((field.to_owned(), json!(day?)))));
                rows.push(row);
            }
        }
        Ok(ExportPage { rows, next: found.next })
    }
}
