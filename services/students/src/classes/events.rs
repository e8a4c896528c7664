//! Classes as events: what other services may know of them.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::students::SchoolClass};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::ClassRecord, store::AGGREGATE};
use crate::schema::classes;

/// Publishes classes.
pub struct ClassSource;

#[async_trait]
impl Source for ClassSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = classes::table.filter(classes::id.eq_any(ids.to_vec())).select(ClassRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(classes::table.filter(classes::id.gt(after.unwrap_or(Uuid::nil()))).order(classes::id).limit(limit).select(classes::id).load(conn).await?)
    }
}

fn event(row: ClassRecord, epoch: i64) -> Event {
    let columns = row.columns;
    let payload = SchoolClass {
        // A class has no code beside its name.
        code: columns.name.clone(),
        name: columns.name,
        unit_id: columns.unit_id.to_string(),
        school_year_id: columns.school_year_id.to_string(),
        grade: columns.grade.map(|grade| grade.to_string()),
        education_level: columns.education_level,
        homeroom_teacher_id: columns.homeroom_teacher_id.map(|id| id.to_string()),
        ended_on: columns.ended_on.map(|date| date.to_string()),
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
