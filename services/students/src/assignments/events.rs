//! Teaching assignments as events.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::students::Assignment};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::AssignmentRecord, store::AGGREGATE};
use crate::schema::assignments;

/// Publishes assignments.
pub struct AssignmentSource;

#[async_trait]
impl Source for AssignmentSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = assignments::table.filter(assignments::id.eq_any(ids.to_vec())).select(AssignmentRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(assignments::table.filter(assignments::id.gt(after.unwrap_or(Uuid::nil()))).order(assignments::id).limit(limit).select(assignments::id).load(conn).await?)
    }
}

fn event(row: AssignmentRecord, epoch: i64) -> Event {
    let columns = row.columns;
    let payload = Assignment {
        staff_id: columns.staff_id.to_string(),
        class_id: columns.class_id.to_string(),
        subject: columns.subject,
        periods_per_week: Some(columns.periods_per_week.to_string()),
        from: columns.valid_from.to_string(),
        to: columns.valid_to.map(|date| date.to_string()),
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
