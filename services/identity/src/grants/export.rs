//! Grants as spreadsheets: the columns of an import.

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
    api::{FIELDS, GrantQuery},
    columns::COLUMNS,
    store,
};
use crate::accounts::credentials;

/// Exports grants.
pub struct GrantExporter;

#[async_trait]
impl Exporter for GrantExporter {
    fn resource(&self) -> &'static str {
        "grants"
    }

    fn action(&self) -> Action {
        Action::GrantsRead
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
        let list: List<GrantQuery> = List::parse(query, locale)?;
        list.page(&store::SORTS)?;
        list.fields_or_all(&FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<GrantQuery> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(&store::SORTS)?);
        let found = store::list(conn, access, &list.filter.into(), &request).await?;
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
