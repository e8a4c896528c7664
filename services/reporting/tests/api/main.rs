//! The reporting service as a reader of its API sees it: events go in on one side, figures come out on the other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail where it stands")]

mod convergence;
mod formats;
mod headcounts;
mod measure;
mod oracle;
mod people;
mod records;
mod reform;
mod refusals;
mod state_of_records;
mod suppression;
mod world;
mod years;
