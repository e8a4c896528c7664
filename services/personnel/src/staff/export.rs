//! Staff as spreadsheets: the columns of an import.

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_domain::Locale;
use registrar_http::{
    List, Problem,
    exports::{ExportPage, Exporter, PageOf, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::Connection;
use serde_json::json;

use super::{
    api::{FIELDS, StaffQuery},
    columns::{COLUMNS, SENSITIVE},
    store::{self, StaffFilter},
};

/// Exports staff.
pub struct StaffExporter;

#[async_trait]
impl Exporter for StaffExporter {
    fn resource(&self) -> &'static str {
        "staff"
    }

    fn action(&self) -> Action {
        Action::StaffRead
    }

    fn sensitive_action(&self) -> Option<Action> {
        Some(Action::StaffReadSensitive)
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn sensitive(&self) -> &'static [&'static str] {
        &SENSITIVE
    }

    fn asked(&self, query: &str, locale: Locale) -> Result<Option<Vec<String>>, Problem> {
        let list: List<StaffQuery> = List::parse(query, locale)?;
        list.page(&store::SORTS)?;
        list.fields_or_all(&FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<StaffQuery> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(&store::SORTS)?);
        let filter = StaffFilter { sensitive: page.sensitive, ..list.filter.into() };
        let found = store::list(conn, access, &filter, &request).await?;
        if page.sensitive {
            store::log_read(conn, access, found.items.iter().map(|record| record.id).collect()).await?;
        }
        let codes = units::codes(conn, access, found.items.iter().map(|record| record.columns.unit_id).collect()).await?;
        let rows = found.items.iter().map(|record| {
            let mut row = flat(&record.columns.to_input()?)?;
            row.insert("unit_code".to_owned(), json!(codes.get(&record.columns.unit_id)));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
