//! One PostgreSQL database per service: the pool, migrations, the error type of every store function,
//! the columns that every tracked row has, keyset pages and the change feed.

pub mod author;
pub mod clock;
pub mod condition;
mod connect;
pub mod cursor;
mod cut;
pub mod db;
mod edits;
pub mod error;
pub mod feed;
pub mod history;
pub mod json;
pub mod keep;
mod lane;
pub mod migrate;
pub mod retention;
#[allow(missing_docs, reason = "columns are documented in migrations/shared")]
pub mod schema;
mod shared;

pub use author::Author;
pub use clock::Clock;
pub use condition::{Computed, Condition};
pub use cursor::{Cursor, Page, PageRequest};
pub use cut::Cut;
pub use db::{Connection, Db, DbOptions};
pub use edits::{Edit, Stamps};
pub use error::{StoreError, StoreResult};
pub use json::Json;
pub use keep::Keep;
pub use shared::{Reader, SharedConnection};
