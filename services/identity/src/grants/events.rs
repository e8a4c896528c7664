//! Grants as events.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::identity::Grant};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::GrantRecord, store::AGGREGATE};
use crate::schema::grants;

/// Publishes grants.
pub struct GrantSource;

#[async_trait]
impl Source for GrantSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = grants::table.filter(grants::id.eq_any(ids.to_vec())).select(GrantRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(grants::table.filter(grants::id.gt(after.unwrap_or(Uuid::nil()))).order(grants::id).limit(limit).select(grants::id).load(conn).await?)
    }
}

fn event(row: GrantRecord, epoch: i64) -> Event {
    let columns = row.columns;
    let payload = Grant {
        account_id: columns.account_id.to_string(),
        role: columns.role,
        unit_id: columns.unit_id.to_string(),
        hierarchy: columns.hierarchy,
        education_levels: columns.education_levels,
        class_ids: columns.class_ids.iter().map(Uuid::to_string).collect(),
        valid_from: columns.valid_from.to_string(),
        valid_until: columns.valid_until.map(|date| date.to_string()),
        status: columns.status,
        given_by: Some(row.given_by.to_string()),
    };
    Event {
        aggregate: AGGREGATE.to_owned(),
        id: row.id,
        tenant_id: row.tenant_id,
        epoch,
        version: row.version,
        ended: payload.status == "ended",
        occurred_at: row.changed_at,
        payload: payload.encode_to_vec(),
        traceparent: None,
        resync: false,
    }
}
