//! Who may do what: tokens say who is calling, grants say what they may do, the policy says what a role means.
//!
//! A request becomes an [`Access`], which every store function takes. It decides a single case
//! ([`Access::check`]) and narrows a list ([`Access::narrow`]) by the same SQL condition, so that the two cannot differ.

pub mod authority;
pub mod policy;

pub mod pull;
pub mod replicas;
#[allow(missing_docs, reason = "columns are documented in migrations/shared")]
pub mod schema;
pub mod scope;
pub mod token;
pub mod units;

pub use authority::{Access, Authority, AuthorityOptions, Caller, GrantedUnit, KnownUnit, Refusal};
pub use policy::{Action, Role};
pub use scope::Record;
