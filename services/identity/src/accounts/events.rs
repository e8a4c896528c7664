//! Accounts as events: no username, no password.

use async_trait::async_trait;
use chrono::SecondsFormat;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::identity::Account};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::AccountRecord, store::AGGREGATE};
use crate::schema::accounts;

/// Publishes accounts.
pub struct AccountSource;

#[async_trait]
impl Source for AccountSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = accounts::table.filter(accounts::id.eq_any(ids.to_vec())).select(AccountRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(accounts::table.filter(accounts::id.gt(after.unwrap_or(Uuid::nil()))).order(accounts::id).limit(limit).select(accounts::id).load(conn).await?)
    }
}

fn event(row: AccountRecord, epoch: i64) -> Event {
    let payload = Account {
        status: row.columns.status,
        display_name: row.columns.display_name,
        staff_id: row.columns.staff_id.map(|id| id.to_string()),
        valid_after: Some(row.valid_after.to_rfc3339_opts(SecondsFormat::Secs, true)),
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
