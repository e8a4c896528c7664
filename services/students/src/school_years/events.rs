//! School years as events.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{Event, Source, contracts::students::SchoolYear};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::SchoolYearRecord, store::AGGREGATE};
use crate::schema::school_years;

/// Publishes school years.
pub struct SchoolYearSource;

#[async_trait]
impl Source for SchoolYearSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = school_years::table.filter(school_years::id.eq_any(ids.to_vec())).select(SchoolYearRecord::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(|row| event(row, epoch)).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(school_years::table.filter(school_years::id.gt(after.unwrap_or(Uuid::nil()))).order(school_years::id).limit(limit).select(school_years::id).load(conn).await?)
    }
}

fn event(row: SchoolYearRecord, epoch: i64) -> Event {
    let columns = row.columns;
    let payload = SchoolYear { code: columns.code, name: columns.name, starts_on: columns.starts_on.to_string(), ends_on: columns.ends_on.to_string() };
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
