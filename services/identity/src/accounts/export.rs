//! Accounts as spreadsheets: the columns of an import.

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
    api::{AccountQuery, FIELDS},
    columns::COLUMNS,
    staff_names, store,
};

/// Exports accounts.
pub struct AccountExporter;

#[async_trait]
impl ListExporter for AccountExporter {
    type Query = AccountQuery;

    const RESOURCE: &'static str = "accounts";
    const ACTION: Action = Action::AccountsRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: AccountQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.into(), page).await?;
        let columns = || found.items.iter().map(|(record, _)| &record.columns);
        let units = units::codes(conn, access, columns().map(|columns| columns.unit_id).collect()).await?;
        let staff: BTreeSet<_> = columns().filter_map(|columns| columns.staff_id).collect();
        let staff = staff_names::codes(conn, access, staff.into_iter().collect()).await?;
        let rows = found.items.iter().map(|(record, username)| {
            let columns = &record.columns;
            let cells = [
                ("username", Some(username)),
                ("display_name", Some(&columns.display_name)),
                ("unit_code", units.get(&columns.unit_id)),
                ("staff_code", columns.staff_id.and_then(|id| staff.get(&id))),
                ("status", Some(&columns.status)),
            ];
            cells.into_iter().filter_map(|(field, text)| Some((field.to_owned(), json!(text?)))).collect::<Map<String, Value>>()
        });
        Ok(ExportPage { rows: rows.collect(), next: found.next })
    }
}
