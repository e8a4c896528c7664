//! Spreadsheets as people send and receive them: imports, templates and exports, in Excel's .xlsx and in CSV.
//!
//! A resource says which [`Columns`] it has; this crate does the rest, without database and HTTP:
//!
//! | Function | What it does |
//! | --- | --- |
//! | [`template`] | the workbook to fill in, with dropdowns and instructions in the reader's language |
//! | [`open`] | a file of unknown origin as rows of JSON and errors by cell, in any of the three languages |
//! | [`annotate`] | the file with its errors written beside the cells, to be corrected and sent again |
//! | [`Writer`] | an export that [`open`] reads back to the same rows |
//!
//! # Memory
//!
//! Rows are read and written one at a time. Held in memory while a workbook is read are the file ([`Limits`]: 50 MiB,
//! given by the caller), its shared texts (at most [`MAX_SHARED_TEXT_BYTES`], about twice that as strings of ten
//! letters), its styles, and one row: some 300 MiB for a file at these limits. A file made on purpose can also make one
//! cell of a sheet as large as [`Limits::unpacked_bytes`] and fill the shared texts with empty ones: up to some 1.5 GiB.
//! A caller bounds how many files it reads at a time, and can lower the limits. [`annotate`] and [`template`] hold what
//! they write packed, and at most [`MAX_NOTES`] notes. [`Writer`] keeps the rows of a workbook in a temporary file.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod annotate;
mod cell;
mod choice;
mod column;
mod csv;
mod date;
mod fault;
mod file;
mod file_error;
mod header;
mod open;
mod sheet;
mod template;
mod write;
mod xlsx;

pub use annotate::{AnnotateError, MAX_NOTES, Remark, annotate};
pub use choice::{Choice, Choices, Found};
pub use column::{Column, Columns, ColumnsError, Kind, MAX_COLUMNS, Trilingual};
pub use fault::{CellError, Fault, MAX_TEXT_CHARACTERS};
pub use file::{File, Place, Row, Rows, open};
pub use file_error::{FileError, LooksLike};
pub use open::{Limits, MAX_OTHER_PART_BYTES, MAX_PARTS, MAX_RATIO, MAX_SHARED_TEXT_BYTES, RATIO_FREE_BYTES};
pub use template::template;
pub use write::{Format, WriteError, Writer};
