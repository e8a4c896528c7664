//! Staff records as a reader of the API meets them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail where it stands")]

mod bodies;
mod edits;
mod feed;
mod fields;
mod imports;
mod jobs;
mod lists;
mod oracle;
mod records;
mod rights;
mod spreadsheets;
mod world;
