//! Exporters of a resource's list: what is the same for all of them, so that each says only what it is and what its rows
//! are.

use async_trait::async_trait;
use registrar_access::{Access, Action};
use registrar_domain::Locale;
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::{ExportPage, Exporter, PageOf};
use crate::{List, Problem};

/// How a resource writes its list as rows of a file.
#[async_trait]
pub trait ListExporter: Send + Sync {
    /// The parameters that the list is narrowed by.
    type Query: IntoParams + DeserializeOwned + Send + 'static;

    /// The resource's path segment, such as `staff`.
    const RESOURCE: &'static str;
    /// What a caller must be allowed to do, somewhere, to export at all; each record is decided on.
    const ACTION: Action;
    /// What a caller must be allowed to do to export sensitive fields, and the columns that hold them.
    const SENSITIVE: Option<(Action, &'static [&'static str])> = None;
    /// The orders of the list.
    const SORTS: &'static [&'static str];
    /// The fields that can be asked for.
    const FIELDS: &'static [&'static str];

    /// The columns; those of the resource's imports.
    fn file_columns(&self) -> &'static Columns;

    /// A page of the list as rows; with sensitive fields only the records whose sensitive fields the caller may see, noted
    /// in the access log.
    ///
    /// # Errors
    /// What the list would answer.
    async fn rows(&self, conn: &mut Connection, access: &Access, query: Self::Query, page: &PageRequest, sensitive: bool) -> Result<ExportPage, Problem>;
}

#[async_trait]
impl<E: ListExporter> Exporter for E {
    fn resource(&self) -> &'static str {
        E::RESOURCE
    }

    fn action(&self) -> Action {
        E::ACTION
    }

    fn sensitive_action(&self) -> Option<Action> {
        E::SENSITIVE.map(|(action, _)| action)
    }

    fn columns(&self) -> &'static Columns {
        self.file_columns()
    }

    fn sensitive(&self) -> &'static [&'static str] {
        E::SENSITIVE.map_or(&[], |(_, fields)| fields)
    }

    fn asked(&self, query: &str, locale: Locale) -> Result<Option<Vec<String>>, Problem> {
        let list: List<E::Query> = List::parse(query, locale)?;
        list.page(E::SORTS)?;
        list.fields_or_all(E::FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<E::Query> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(E::SORTS)?);
        self.rows(conn, access, list.filter, &request, page.sensitive).await
    }
}
