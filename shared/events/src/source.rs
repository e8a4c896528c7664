//! The owner's side of an aggregate.

use async_trait::async_trait;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use crate::Event;

/// An owner's aggregate: how its rows become events. One implementation per published aggregate.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name, `<service>.<aggregate>`.
    fn aggregate(&self) -> &'static str;

    /// The name its table is tracked under: another one where a row is published twice, such as with sensitive fields for
    /// a named consumer.
    fn tracked_as(&self) -> &'static str {
        self.aggregate()
    }

    /// Current state of these rows (500 at most), as events of generation `epoch`. Rows that do not exist are left out.
    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>>;

    /// The next ids after `after`, ascending, for resync and verify.
    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>>;
}

/// The [`Source`] of a tracked table whose rows derive `Selectable`. `$published` makes a row into its contract and
/// says whether the record has ended. A table that is tracked under another name than `$aggregate` names that last.
#[macro_export]
macro_rules! table_source {
    ($(#[$doc:meta])* $source:ident, $aggregate:expr, $table:ident, $row:ty, $published:ident) => {
        $crate::table_source! { $(#[$doc])* $source, $aggregate, $table, $row, $published, tracked_as $aggregate }
    };
    ($(#[$doc:meta])* $source:ident, $aggregate:expr, $table:ident, $row:ty, $published:ident, tracked_as $tracked:expr) => {
        $(#[$doc])*
        pub struct $source;

        #[::async_trait::async_trait]
        impl $crate::Source for $source {
            fn aggregate(&self) -> &'static str {
                $aggregate
            }

            fn tracked_as(&self) -> &'static str {
                $tracked
            }

            async fn load(&self, conn: &mut ::registrar_store::Connection, epoch: i64, ids: &[::uuid::Uuid]) -> ::registrar_store::StoreResult<Vec<$crate::Event>> {
                use ::diesel::{ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
                use ::diesel_async::RunQueryDsl as _;
                let rows: Vec<$row> = $table::table.filter($table::id.eq_any(ids.to_vec())).select(<$row>::as_select()).load(conn).await?;
                Ok(rows
                    .into_iter()
                    .map(|row| {
                        let (id, tenant_id, version, occurred_at) = (row.id, row.tenant_id, row.version, row.changed_at);
                        let (ended, contract) = $published(row);
                        let payload = ::prost::Message::encode_to_vec(&contract);
                        $crate::Event { aggregate: $aggregate.to_owned(), id, tenant_id, epoch, version, ended, occurred_at, payload, traceparent: None, resync: false }
                    })
                    .collect())
            }

            async fn ids(&self, conn: &mut ::registrar_store::Connection, after: Option<::uuid::Uuid>, limit: i64) -> ::registrar_store::StoreResult<Vec<::uuid::Uuid>> {
                use ::diesel::{ExpressionMethods as _, QueryDsl as _};
                use ::diesel_async::RunQueryDsl as _;
                Ok($table::table.filter($table::id.gt(after.unwrap_or(::uuid::Uuid::nil()))).order($table::id).limit(limit).select($table::id).load(conn).await?)
            }
        }
    };
}
