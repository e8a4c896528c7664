//! Who made a write: columns of every tracked row, so that a write cannot forget its audit.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The author of a write, as every tracked row stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// When, by the service's clock.
    pub at: DateTime<Utc>,
    /// The acting account.
    pub account: Uuid,
    /// The accountable account, when it is another than the acting one (S2-037, S2-038).
    pub on_behalf_of: Option<Uuid>,
    /// The application through which the write came.
    pub client: String,
    /// The request that caused it.
    pub request_id: Uuid,
}

/// The author columns of a table, for `insert_into(..).values((row, authored!(table, author)))` and `update(..).set(..)`.
#[macro_export]
macro_rules! authored {
    ($table:ident, $author:expr) => {{
        use diesel::ExpressionMethods as _;
        let author: &$crate::Author = $author;
        (
            $table::changed_at.eq(author.at),
            $table::changed_by.eq(author.account),
            $table::changed_for.eq(author.on_behalf_of),
            $table::changed_via.eq(author.client.clone()),
            $table::request_id.eq(author.request_id),
        )
    }};
}
