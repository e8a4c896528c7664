//! Staff records as events: what other services may know of them. The personal number and contacts stay here.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::personnel::Staff};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{
    model::{Position, StaffRecord},
    store::AGGREGATE,
};
use crate::schema::staff;

/// Publishes staff records.
pub struct StaffSource;

#[async_trait]
impl Source for StaffSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = staff::table.filter(staff::id.eq_any(ids.to_vec())).select(StaffRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(staff::table.filter(staff::id.gt(after.unwrap_or(Uuid::nil()))).order(staff::id).limit(limit).select(staff::id).load(conn).await?)
    }
}

fn event(row: StaffRecord, epoch: i64) -> Event {
    let columns = row.columns;
    let group = Position::from_code(&columns.position).ok().map(|position| position.group().as_str().to_owned());
    let payload = Staff {
        code: columns.code,
        full_name: columns.full_name,
        gender: columns.gender,
        position: columns.position,
        position_group: group,
        education_level: columns.education_level,
        unit_id: columns.unit_id.to_string(),
        ended_on: columns.ended_on.map(|date| date.to_string()),
        end_reason: columns.end_reason,
        started_on: Some(columns.started_on.to_string()),
        status: columns.status,
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
