//! Students as events: what other services may know of them. The personal number and the birth date stay here.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::students::Student};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::StudentRecord, store::AGGREGATE};
use crate::schema::students;

/// Publishes students.
pub struct StudentSource;

#[async_trait]
impl Source for StudentSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = students::table.filter(students::id.eq_any(ids.to_vec())).select(StudentRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(students::table.filter(students::id.gt(after.unwrap_or(Uuid::nil()))).order(students::id).limit(limit).select(students::id).load(conn).await?)
    }
}

fn event(row: StudentRecord, epoch: i64) -> Event {
    let columns = row.columns;
    let payload = Student { code: columns.code, full_name: columns.full_name, gender: columns.gender, unit_id: Some(row.placement.unit_id.to_string()), status: columns.status };
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
