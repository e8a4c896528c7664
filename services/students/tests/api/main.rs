//! The students service over HTTP, alone: its copies of units, accounts and staff are filled by the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod classes;
mod enrolments;
mod figures;
mod imports;
mod rights;
mod world;
