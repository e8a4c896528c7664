//! Exports of lists as spreadsheets (XLSX and CSV): a job that writes a list as its reader sees it, with the columns that
//! an import of the same resource takes, so that an export that is imported again changes nothing.
//!
//! A resource implements [`ListExporter`] and mounts the routes of [`export_routes!`](crate::export_routes). A worker reads
//! the list page by page with the rights that the account has at that moment, writes the file row by row to a temporary
//! file, and keeps it in parts.

pub mod api;
mod list;
mod store;
mod worker;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use registrar_access::{Access, Action};
use registrar_domain::Locale;
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, Cursor, PageRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Problem, ProblemKind};

pub use list::ListExporter;
pub use worker::run;

/// The most rows of an export: what a sheet of Excel holds, with its header.
pub const MOST_ROWS: i32 = 1_000_000;
/// The most exports of one account that wait or are being written.
pub const MOST_UNFINISHED: i64 = 5;
/// Rows read from the database at a time.
const PAGE: i64 = 1000;
/// The bytes of a part of a file; of an import's too.
pub(crate) const PART: usize = 1 << 20;

/// Which rows of a list are wanted.
#[derive(Clone, Debug)]
pub struct PageOf<'a> {
    /// The query string of the list; `limit` and `cursor` in it do not count.
    pub query: &'a str,
    /// With sensitive fields: then only the records whose sensitive fields the reader may see.
    pub sensitive: bool,
    /// Where to go on; from the start when absent.
    pub after: Option<Cursor>,
    /// Rows at most.
    pub limit: i64,
}

impl PageOf<'_> {
    /// The list's own request with this page's place.
    #[must_use]
    pub fn request(&self, asked: PageRequest) -> PageRequest {
        PageRequest { limit: self.limit, after: self.after.clone(), count: false, ..asked }
    }
}

/// A record as the cells of a row: members of groups by dotted names, without what is no single value.
///
/// # Errors
/// `internal` when it cannot be written as JSON.
pub fn flat(record: &impl Serialize) -> Result<Map<String, Value>, Problem> {
    let Ok(Value::Object(fields)) = serde_json::to_value(record) else { return Err(Problem::new(ProblemKind::Internal)) };
    let mut row = Map::new();
    for (field, value) in fields {
        match value {
            Value::Object(members) => row.extend(members.into_iter().filter(|(_, value)| is_cell(value)).map(|(member, value)| (format!("{field}.{member}"), value))),
            value if is_cell(&value) => drop(row.insert(field, value)),
            _ => {}
        }
    }
    Ok(row)
}

fn is_cell(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null)
}

/// Rows of an export.
#[derive(Clone, Debug, Default)]
pub struct ExportPage {
    /// The rows, by the fields of the columns.
    pub rows: Vec<Map<String, Value>>,
    /// Where the next page starts; none on the last.
    pub next: Option<Cursor>,
}

/// How a resource gives the rows of its list.
#[async_trait]
pub trait Exporter: Send + Sync {
    /// The resource's path segment, such as `staff`.
    fn resource(&self) -> &'static str;

    /// What a caller must be allowed to do, somewhere, to export at all; each record is decided on.
    fn action(&self) -> Action;

    /// What a caller must be allowed to do to export sensitive fields; none when there are none.
    fn sensitive_action(&self) -> Option<Action>;

    /// The columns; those of the resource's imports.
    fn columns(&self) -> &'static Columns;

    /// The fields of the columns that hold sensitive data.
    fn sensitive(&self) -> &'static [&'static str];

    /// The fields that the list's query asks for: records' own, or groups of them; all when none.
    ///
    /// # Errors
    /// `bad_parameter` for a query that the list would refuse.
    fn asked(&self, query: &str, locale: Locale) -> Result<Option<Vec<String>>, Problem>;

    /// A page of the list.
    ///
    /// # Errors
    /// What the list would answer.
    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem>;
}

registrar_domain::text_enum! {
    /// The kind of file of an export.
    ExportFormat {
        /// An Excel workbook.
        Xlsx = "xlsx",
        /// CSV in UTF-8 with a byte order mark, so that Excel reads it.
        Csv = "csv",
    }
}

registrar_domain::text_enum! {
    /// The state of an export.
    ExportState {
        /// Not begun.
        Queued = "queued",
        /// Being written.
        Running = "running",
        /// Can be downloaded, for 7 days.
        Done = "done",
        /// Given up; `reason` says why.
        Failed = "failed",
    }
}

/// What is to be exported.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportInput {
    /// The kind of file.
    pub format: ExportFormat,
    /// The query string of the list, such as `within=...&status=active&sort=code&fields=code,full_name,personal`: the
    /// rows and columns as the list shows them, all pages. All columns when `fields` is left out.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub query: String,
    /// With personal numbers, contacts and the sensitive fields: of the records whose sensitive fields the caller may
    /// see, and logged. Without it these columns are left out.
    #[serde(default)]
    pub sensitive: bool,
}

/// An export of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Export {
    /// Its id.
    pub id: Uuid,
    /// The kind of file.
    #[schema(value_type = String, example = "xlsx")]
    pub format: ExportFormat,
    /// The list's query string.
    pub query: String,
    /// Whether it has sensitive fields.
    pub sensitive: bool,
    /// Where it is.
    #[schema(value_type = String, example = "done")]
    pub state: ExportState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Rows written.
    #[schema(minimum = 0)]
    pub rows: i32,
    /// Bytes of the file.
    #[schema(minimum = 0)]
    pub bytes: i64,
    /// How many times it was begun; a killed process's export is begun anew by another.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}
