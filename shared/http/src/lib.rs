//! What every route of every service has in common, written once: who is calling, what a body or a query may
//! contain, how lists, versions, repeated requests and refusals look, and how services are put on the air.
//!
//! A handler reads: extractors ([`Caller`], [`Body`], [`List`], [`IfMatch`]) -> one call into the store -> an answer
//! ([`Record`], [`Listing`], [`Changes`]). Whatever goes wrong on the way is a [`Problem`].

pub mod answer;
pub mod attachment;
pub mod body;
pub mod caller;
pub mod conditional;
pub mod context;
pub mod contract;
pub mod deprecation;
pub mod exports;
pub mod idempotency;
pub mod imports;
pub mod json;
pub mod list;
pub mod locale;
mod methods;
pub mod openapi;
pub mod path;
pub mod phrases;
pub mod problem;
pub mod rate_limit;
mod request_span;
pub mod retention;
mod scheduling;
pub mod server;
pub mod service;
mod shown;
pub mod wait_for;
pub mod watch;

pub use answer::{Changes, Listing, Record, Versioned};
pub use body::{Body, MergePatch};
pub use caller::Caller;
pub use conditional::{IfMatch, IfNoneMatch};
pub use context::ServiceContext;
pub use idempotency::Idempotency;
pub use list::{FeedQuery, List};
pub use openapi::Refusals;
pub use path::Id;
pub use problem::{FieldError, Problem, ProblemKind};
pub use registrar_domain::Locale;
pub use service::Service;
