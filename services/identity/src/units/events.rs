//! Units as events.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{
    Event, Source,
    contracts::identity::{Superior, Unit},
};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::UnitRecord, store::AGGREGATE};
use crate::schema::units;

/// Publishes units.
pub struct UnitSource;

#[async_trait]
impl Source for UnitSource {
    fn aggregate(&self) -> &'static str {
        AGGREGATE
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows = units::table.filter(units::id.eq_any(ids.to_vec())).select(UnitRecord::as_select()).load(conn).await?;
        rows.into_iter().map(|row| event(row, epoch)).collect()
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(units::table.filter(units::id.gt(after.unwrap_or(Uuid::nil()))).order(units::id).limit(limit).select(units::id).load(conn).await?)
    }
}

fn event(row: UnitRecord, epoch: i64) -> StoreResult<Event> {
    let superiors = row.columns.superiors()?.into_iter().map(|superior| Superior {
        hierarchy: superior.hierarchy.as_str().to_owned(),
        unit_id: superior.unit_id.to_string(),
        valid_from: superior.valid_from.to_string(),
        valid_to: superior.valid_to.map(|date| date.to_string()),
    });
    let superiors = superiors.collect();
    let columns = row.columns;
    let payload = Unit {
        code: columns.code,
        name: columns.name,
        kind: columns.kind,
        education_levels: columns.education_levels,
        website: columns.website,
        area_scheme: None,
        area_code: None,
        area: columns.area.map(String::from),
        opened_on: columns.opened_on.to_string(),
        closed_on: columns.closed_on.map(|date| date.to_string()),
        status: columns.status,
        superiors,
    };
    Ok(Event {
        aggregate: AGGREGATE.to_owned(),
        id: row.id,
        tenant_id: row.tenant_id,
        epoch,
        version: row.version,
        ended: payload.status == "closed",
        occurred_at: row.changed_at,
        payload: payload.encode_to_vec(),
        traceparent: None,
        resync: false,
    })
}
