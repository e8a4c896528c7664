//! The students service over HTTP, alone: its copies of units, accounts and staff are filled by the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod assignments;
mod classes;
mod ends;
mod enrolments;
mod fields;
mod figures;
mod guardians;
mod imports;
mod lists;
mod misuse;
mod oracle;
mod rights;
mod spreadsheets;
mod world;
