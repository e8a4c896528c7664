//! Public keys as events.

use async_trait::async_trait;
use chrono::SecondsFormat;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::identity::SigningKey};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::SigningKeyRecord, store::AGGREGATE};
use crate::schema::signing_keys;

/// Publishes the public halves of signing keys.
pub struct SigningKeySource;

#[async_trait]
impl Source for SigningKeySource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = signing_keys::table.filter(signing_keys::id.eq_any(ids.to_vec())).select(SigningKeyRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(signing_keys::table.filter(signing_keys::id.gt(after.unwrap_or(Uuid::nil()))).order(signing_keys::id).limit(limit).select(signing_keys::id).load(conn).await?)
    }
}

fn event(row: SigningKeyRecord, epoch: i64) -> Event {
    let payload = SigningKey {
        kid: row.kid,
        kty: "EC".to_owned(),
        crv: "P-256".to_owned(),
        x: row.x,
        y: row.y,
        not_before: row.not_before.to_rfc3339_opts(SecondsFormat::Secs, true),
        not_after: Some(row.not_after.to_rfc3339_opts(SecondsFormat::Secs, true)),
    };
    Event {
        aggregate: AGGREGATE.to_owned(),
        id: row.id,
        tenant_id: row.tenant_id,
        epoch,
        version: row.version,
        ended: false,
        occurred_at: row.changed_at,
        payload: payload.encode_to_vec(),
        traceparent: None,
        resync: false,
    }
}
