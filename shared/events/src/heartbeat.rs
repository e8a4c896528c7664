//! Identity's heartbeat: how fresh a copy of accounts and grants is.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{QueryDsl, dsl::min};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_store::{
    Db, StoreError,
    feed::current_epoch,
    schema::outbox::{self, created_at},
};
use uuid::Uuid;

use crate::{Event, RepairError, Transport, contracts::identity::Heartbeat};

/// The aggregate's name.
pub const HEARTBEAT: &str = "identity.heartbeat";

/// Says to all consumers up to which instant they have been told everything, and answers that instant: the creation
/// of the oldest row still in the outbox, else now. It goes straight through the transport, behind the events that
/// were published before it; a lost one is made up for by the next.
///
/// `clock` is read before the outbox: what commits later is later than the answer.
///
/// # Errors
/// When the database cannot be asked or the transport takes nothing; then copies grow stale, as they should.
pub async fn publish_heartbeat(transport: &Transport, db: &Db, clock: &(dyn Fn() -> DateTime<Utc> + Send + Sync)) -> Result<DateTime<Utc>, RepairError> {
    let now = clock();
    let mut conn = db.get().await?;
    let epoch = current_epoch(&mut conn).await?;
    let oldest: Option<DateTime<Utc>> = outbox::table.select(min(created_at)).first(&mut conn).await.map_err(StoreError::from)?;
    drop(conn);
    let as_of = oldest.map_or(now, |oldest| oldest.min(now));
    let beat = Heartbeat { as_of: as_of.to_rfc3339_opts(SecondsFormat::Micros, true) };
    let event = Event {
        aggregate: HEARTBEAT.to_owned(),
        id: Uuid::nil(),
        tenant_id: Uuid::nil(),
        epoch,
        version: now.timestamp_millis(),
        ended: false,
        occurred_at: now,
        payload: beat.encode_to_vec(),
        traceparent: None,
        resync: false,
    };
    transport.publish(&[event]).await?;
    Ok(as_of)
}
