//! The owner's side of an aggregate.

use async_trait::async_trait;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use crate::Event;

/// An owner's aggregate: how its rows become events. One implementation per published aggregate.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name, `<service>.<aggregate>`: the one its table is tracked under.
    fn aggregate(&self) -> &'static str;

    /// Current state of these rows (500 at most), as events of generation `epoch`. Rows that do not exist are left out.
    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>>;

    /// The next ids after `after`, ascending, for resync and verify.
    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>>;
}
