//! Grants as spreadsheets: the columns of an import.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_http::{
    Problem,
    exports::{ExportPage, ListExporter},
};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};
use serde_json::{Map, Value, json};

use super::{
    api::{FIELDS, GrantQuery},
    columns::COLUMNS,
    store,
};
use crate::accounts::credentials;

/// Exports grants.
pub struct GrantExporter;

#[async_trait]
impl ListExporter for GrantExporter {
    type Query = GrantQuery;

    const RESOURCE: &'static str = "grants";
    const ACTION: Action = Action::GrantsRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: GrantQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.into(), page).await?;
        let columns = || found.items.iter().map(|record| &record.columns);
        let units = units::codes(conn, access, columns().map(|columns| columns.unit_id).collect()).await?;
        let holders: BTreeSet<_> = columns().map(|columns| columns.account_id).collect();
        let usernames = credentials::usernames(conn, access, holders.into_iter().collect()).await?;
        let rows = columns().map(|columns| {
            let classes: Vec<String> = columns.class_ids.iter().map(ToString::to_string).collect();
            let cells = [
                ("username", json!(usernames.get(&columns.account_id))),
                ("role", json!(columns.role)),
                ("unit_code", json!(units.get(&columns.unit_id))),
                ("hierarchy", json!(columns.hierarchy)),
                ("education_levels", json!(columns.education_levels.join(";"))),
                ("class_ids", json!(classes.join(";"))),
                ("valid_from", json!(columns.valid_from)),
                ("valid_until", json!(columns.valid_until)),
                ("status", json!(columns.status)),
                ("note", json!(columns.note)),
            ];
            let given = cells.into_iter().filter(|(_, value)| !value.is_null() && value != "");
            given.map(|(field, value)| (field.to_owned(), value)).collect::<Map<String, Value>>()
        });
        Ok(ExportPage { rows: rows.collect(), next: found.next })
    }
}
