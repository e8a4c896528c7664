//! Who may do what: tokens say who is calling, grants say what they may do, the policy says what a role means.
//!
//! A request becomes an [`Access`], which every store function takes. [`Access::narrow`] writes the SQL condition that is a
//! filter for lists and a column for single records, so that the two cannot differ.

pub mod access;
pub mod authority;
pub mod batch;
mod freshness;
mod held;
pub mod policy;
pub mod pull;
mod reach;
pub mod replicas;
#[allow(missing_docs, reason = "columns are documented in migrations/shared")]
pub mod schema;
pub mod scope;
pub mod token;
pub mod units;

pub use access::{Access, GrantedUnit, KnownUnit};
pub use authority::{Authority, AuthorityOptions, Caller, Refusal};
pub use policy::{Action, Role};
pub use scope::Record;
