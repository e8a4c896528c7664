//! Imports of spreadsheets (XLSX and CSV): a job with progress, modes, errors beside their cells, a circuit breaker, and
//! no change when the same file comes again.
//!
//! A resource implements [`Importer`] and mounts the routes of [`import_routes!`](crate::import_routes). The file is kept
//! with the job; a worker applies it in chunks, each one transaction that also moves the job's progress, so that a killed
//! process goes on at the chunk where it stopped. All or nothing is one transaction for the whole file, begun anew.

pub mod api;
mod breaker;
pub mod columns;
mod row;
mod store;
mod worker;

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use registrar_access::{Access, Action};
use registrar_spreadsheets::{Columns, Limits};
use registrar_store::{Connection, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use row::{ImportRow, Outcome, RowResult, texts};
pub use worker::run;

/// The largest file, in bytes.
pub const LARGEST_FILE: usize = 50 << 20;
/// The most rows of a file.
pub const MOST_ROWS: u32 = 200_000;
/// The most rows of a file that is applied in one transaction, which may not hold up others for longer than seconds.
pub const MOST_ROWS_AT_ONCE: i32 = 20_000;
/// The most files of one account that wait or are being applied; each is kept whole until its end.
pub const MOST_UNFINISHED: i64 = 20;
/// Files that one process takes in or hands back at the same time hold no more than so many KiB of its memory, as sent.
pub const MOST_TAKEN_IN: usize = 200 * 1024;
/// The most streams of progress from one process; each asks the database several times a second.
pub const MOST_STREAMS: usize = 100;

/// What a file may have.
fn limits() -> Limits {
    Limits { file_bytes: LARGEST_FILE as u64, rows: MOST_ROWS, ..Limits::default() }
}

/// How a resource takes rows of a file.
#[async_trait]
pub trait Importer: Send + Sync {
    /// The resource's path segment, such as `staff`.
    fn resource(&self) -> &'static str;

    /// What a caller must be allowed to do, somewhere, to import at all; each row is decided again.
    fn action(&self) -> Action;

    /// The columns of a file.
    fn columns(&self) -> &'static Columns;

    /// Rows per transaction.
    fn chunk(&self) -> usize {
        1000
    }

    /// Writes rows inside a transaction; a row equal to what is there is left untouched. Answers for every row.
    ///
    /// # Errors
    /// Only when nothing of the chunk can be done; a bad row is an [`Outcome::Failed`].
    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>>;

    /// How many records that have not ended each of these units has, for the circuit breaker.
    ///
    /// # Errors
    /// Only when the database cannot be asked.
    async fn records_of(&self, conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>>;
}

registrar_domain::text_enum! {
    /// How an import is done.
    ImportMode {
        /// Every row is tried and nothing is kept but the report.
        DryRun = "dry_run",
        /// One transaction: when one row is refused, none is kept. At most 20,000 rows.
        AllOrNothing = "all_or_nothing",
        /// The rows that are refused are told, the others are kept.
        ValidRows = "valid_rows",
    }
}

registrar_domain::text_enum! {
    /// The state of an import.
    ImportState {
        /// Not begun.
        Queued = "queued",
        /// Being applied.
        Running = "running",
        /// Stopped by the circuit breaker until somebody confirms it; `held_for` says why.
        Held = "held",
        /// All rows have been tried.
        Done = "done",
        /// Given up; `reason` says why. Of `valid_rows`, what was applied before stays; of `all_or_nothing`, nothing does.
        Failed = "failed",
    }
}

/// A unit of whose records an import would change or end more than its share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldFor {
    /// The unit.
    pub unit_id: Uuid,
    /// How many records it has.
    #[schema(minimum = 0)]
    pub records: i64,
    /// How many of them the rows until here change or end.
    #[schema(minimum = 0)]
    pub changed: i64,
}

/// An import of a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// How it is done.
    #[schema(value_type = String, example = "valid_rows")]
    pub mode: ImportMode,
    /// Where it is.
    #[schema(value_type = String, example = "done")]
    pub state: ImportState,
    /// Why it failed or is held.
    pub reason: Option<String>,
    /// The units for which the circuit breaker holds it, or would hold it after a dry run. It passes after
    /// `POST …/imports/{id}/confirmation`.
    #[schema(max_items = 100)]
    pub held_for: Vec<HeldFor>,
    /// How many times it was begun: more than one when a process ended in the middle and another went on where it
    /// stopped, or began anew with `all_or_nothing`.
    #[schema(minimum = 0)]
    pub attempts: i32,
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
    /// Rows refused; see its `errors`, and its `file` with the errors beside the cells.
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
    /// The sheet; empty in a CSV file.
    pub sheet: String,
    /// The row as spreadsheet programs number it; the first one is 1.
    #[schema(minimum = 1)]
    pub row: i32,
    /// The letters over the column, such as `AB`; empty when the whole row is meant.
    pub column: String,
    /// The header of the column as the file has it.
    pub header: String,
    /// The field that the column stands for; empty when the whole row is meant.
    pub field: String,
    /// Stable machine-readable reason.
    pub code: String,
    /// One sentence for a person, in the language of the request that sent the file.
    pub detail: String,
    /// What the cell said.
    pub value: Option<String>,
}
