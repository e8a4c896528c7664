//! Imports of CSV files: a job with progress, a dry run, errors per row, and no change when the same file comes again.
//!
//! A resource implements [`Importer`] and mounts the routes of [`import_routes!`](crate::import_routes). The file is kept with the job;
//! a worker applies it in chunks, each one transaction that also moves the job's progress, so that a killed process
//! goes on at the chunk where it stopped.

pub mod api;
mod file;
mod store;
mod worker;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use registrar_access::{Access, Action};
use registrar_store::{Connection, StoreResult};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{FieldError, Locale, contract};

pub use worker::run;

/// The largest file, in bytes.
pub const LARGEST_FILE: usize = 200 << 20;
/// The most rows of a file.
pub const MOST_ROWS: usize = 1_000_000;
/// The most files of one account that wait or are being applied; each is kept whole until its end.
pub const MOST_UNFINISHED: i64 = 20;
/// Files that one process takes in at the same time hold no more than so many KiB of its memory.
pub const MOST_TAKEN_IN: usize = 512 * 1024;
/// The most streams of progress from one process; each asks the database several times a second.
pub const MOST_STREAMS: usize = 100;

/// How a resource takes rows of a file.
#[async_trait]
pub trait Importer: Send + Sync {
    /// The resource's path segment, such as `staff`.
    fn resource(&self) -> &'static str;

    /// What a caller must be allowed to do, somewhere, to import at all; each row is decided again.
    fn action(&self) -> Action;

    /// The published schema of a row, as [`contract::schema_of`] makes it; its properties are the columns.
    fn schema(&self) -> Value;

    /// Rows per transaction.
    fn chunk(&self) -> usize {
        1000
    }

    /// Writes rows inside a transaction; a row equal to what is there is left untouched. Answers for every row.
    ///
    /// # Errors
    /// Only when nothing of the chunk can be done; a bad row is an [`Outcome::Failed`].
    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>>;
}

/// A row of a file that keeps the contract of its resource.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The line in the file; the header is line 1.
    pub line: i32,
    /// The cells by column, empty ones left out.
    pub cells: Map<String, Value>,
}

impl ImportRow {
    /// The row as the resource's row type; its schema has been checked, so what fails here is a rule of a field's type.
    ///
    /// # Errors
    /// The row's result, naming the bad field.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, RowResult> {
        serde_path_to_error::deserialize(Value::Object(self.cells.clone())).map_err(|error| self.failed(error.path().to_string(), "invalid", error.inner().to_string()))
    }

    /// This row failed.
    #[must_use]
    pub fn failed(&self, field: impl Into<String>, code: &str, detail: impl Into<String>) -> RowResult {
        RowResult::failed(self.line, field, code, detail)
    }
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new record.
    Created,
    /// An existing record changed.
    Changed,
    /// Everything was as the row says.
    Unchanged,
    /// Nothing was done; the pointer of each error is a column.
    Failed(Vec<FieldError>),
}

/// A row with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowResult {
    /// The line in the file.
    pub line: i32,
    /// What became of it.
    pub outcome: Outcome,
}

impl RowResult {
    /// A row that was refused.
    #[must_use]
    pub fn failed(line: i32, field: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        RowResult { line, outcome: Outcome::Failed(vec![FieldError { pointer: field.into(), code: code.into(), detail: detail.into() }]) }
    }
}

/// The state of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Not begun.
    Queued,
    /// Being applied.
    Running,
    /// All rows have been tried.
    Done,
    /// Given up; `reason` says why. What was applied before stays.
    Failed,
}

/// An import of a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// Where it is.
    pub state: ImportState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Whether nothing is kept of it but this report.
    pub dry_run: bool,
    /// Rows in the file.
    #[schema(minimum = 0)]
    pub total: i32,
    /// Rows tried so far.
    #[schema(minimum = 0)]
    pub done: i32,
    /// Rows that made a new record.
    #[schema(minimum = 0)]
    pub created: i32,
    /// Rows that changed a record.
    #[schema(minimum = 0)]
    pub changed: i32,
    /// Rows that were already so.
    #[schema(minimum = 0)]
    pub unchanged: i32,
    /// Rows refused; see its `errors`.
    #[schema(minimum = 0)]
    pub failed: i32,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What was wrong with a cell.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportError {
    /// The line in the file; the header is line 1.
    #[schema(minimum = 1)]
    pub line: i32,
    /// The column; empty when the whole row is meant.
    pub field: String,
    /// Stable machine-readable reason.
    pub code: String,
    /// One sentence for a person.
    pub detail: String,
    /// What the cell said.
    pub value: Option<String>,
}

/// The compiled schema of an importer's rows; made once per job.
pub(crate) fn validator(importer: &Arc<dyn Importer>) -> Result<jsonschema::Validator, crate::Problem> {
    crate::contract::compile(&importer.schema()).map_err(|error| {
        tracing::error!(%error, "an import's schema cannot be compiled");
        crate::Problem::new(crate::ProblemKind::Internal)
    })
}

/// Splits rows into those that keep the published contract and the results of those that do not.
pub(crate) fn checked(validator: &jsonschema::Validator, rows: Vec<ImportRow>) -> (Vec<ImportRow>, Vec<RowResult>) {
    let mut good = Vec::with_capacity(rows.len());
    let mut bad = Vec::new();
    for ImportRow { line, cells } in rows {
        let value = Value::Object(cells);
        let errors = contract::errors(validator, &value, Locale::En);
        if errors.is_empty() {
            if let Value::Object(cells) = value {
                good.push(ImportRow { line, cells });
            }
            continue;
        }
        let errors = errors.into_iter().map(|error| FieldError { pointer: error.pointer.trim_start_matches('/').to_owned(), ..error }).collect();
        bad.push(RowResult { line, outcome: Outcome::Failed(errors) });
    }
    (good, bad)
}
