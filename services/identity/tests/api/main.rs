//! Identity as a reader of the API meets it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there fails the test")]

mod accounts;
mod code_lists;
mod grants;
mod imports;
mod keys;
mod pull;
mod sessions;
mod spreadsheets;
mod units;
mod world;
