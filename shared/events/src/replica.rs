//! The consumer's side of an aggregate.

use async_trait::async_trait;
use registrar_store::{Connection, StoreResult};
use serde_json::Value;
use uuid::Uuid;

use crate::{ApplyError, Event};

/// A consumer's copy of another service's aggregate.
#[async_trait]
pub trait Replica: Send + Sync {
    /// The aggregate's name, `<service>.<aggregate>`.
    fn aggregate(&self) -> &'static str;

    /// Writes each event that is newer than what is held, by (epoch, version); a `resync` event also when equal:
    /// `on conflict do update ... where (excluded.epoch, excluded.version) > (held.epoch, held.version)`.
    /// Ended aggregates stay as tombstones. Called inside a transaction of at most 5 s; the events of one call
    /// (fewer than 400) have distinct ids, all of this aggregate.
    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError>;

    /// The copy row this event should have led to, as JSON (for verify). An object names each differing field;
    /// `null` says that this copy keeps no row of such an event.
    ///
    /// # Errors
    /// [`ApplyError::Poison`] when the payload is not the contract.
    fn expected(&self, event: &Event) -> Result<Value, ApplyError>;

    /// The copy rows held for these ids, tombstones included.
    async fn held(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<Vec<Held>>;

    /// The next ids held after `after`, ascending.
    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>>;
}

/// A row of a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The aggregate's id.
    pub id: Uuid,
    /// The generation of the owner's database it came from.
    pub epoch: i64,
    /// The version it shows.
    pub version: i64,
    /// The row, as the same JSON that [`Replica::expected`] makes.
    pub row: Value,
}
