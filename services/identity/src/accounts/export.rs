//! Accounts as spreadsheets: the columns of an import.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_domain::Locale;
use registrar_http::{
    List, Problem,
    exports::{ExportPage, Exporter, PageOf},
};
use registrar_spreadsheets::Columns;
use registrar_store::Connection;
use serde_json::{Map, Value, json};

use super::{
    api::{AccountQuery, FIELDS},
    columns::COLUMNS,
    staff_names, store,
};

/// Exports accounts.
pub struct AccountExporter;

#[async_trait]
impl Exporter for AccountExporter {
    fn resource(&self) -> &'static str {
        "accounts"
    }

    fn action(&self) -> Action {
        Action::AccountsRead
    }

    fn sensitive_action(&self) -> Option<Action> {
        None
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn sensitive(&self) -> &'static [&'static str] {
        &[]
    }

    fn asked(&self, query: &str, locale: Locale) -> Result<Option<Vec<String>>, Problem> {
        let list: List<AccountQuery> = List::parse(query, locale)?;
        list.page(&store::SORTS)?;
        list.fields_or_all(&FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<AccountQuery> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(&store::SORTS)?);
        let found = store::list(conn, access, &list.filter.into(), &request).await?;
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
