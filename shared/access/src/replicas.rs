//! The copies that authority is decided on, in every service but identity.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_domain::text::search_key;
use registrar_events::{
    ApplyError, Event, HEARTBEAT, Held, Replica, TableReplica,
    contracts::identity::{Account, Grant, Heartbeat, SigningKey, Unit},
};
use registrar_store::{Connection, StoreResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// All copies of identity's records.
#[must_use]
pub fn replicas() -> Vec<Arc<dyn Replica>> {
    vec![Arc::new(units()), Arc::new(accounts()), Arc::new(grants()), Arc::new(signing_keys()), Arc::new(Freshness)]
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The copy of units; hierarchies are derived from it by the table's trigger.
#[must_use]
pub fn units() -> TableReplica {
    TableReplica {
        aggregate: "identity.unit",
        table: "units",
        columns: &["code", "name", "name_search", "kind", "education_levels", "website", "area", "opened_on", "closed_on", "status", "superiors"],
        row: |event| {
            let unit: Unit = event.decode()?;
            let superiors: Vec<Value> =
                unit.superiors.iter().map(|s| json!({"hierarchy": s.hierarchy, "unit_id": s.unit_id, "valid_from": s.valid_from, "valid_to": s.valid_to})).collect();
            Ok(object(json!({
                "code": unit.code, "name": unit.name, "name_search": search_key(&unit.name), "kind": unit.kind,
                "education_levels": unit.education_levels, "website": unit.website, "area": unit.area,
                "opened_on": unit.opened_on, "closed_on": unit.closed_on, "status": unit.status, "superiors": superiors,
            })))
        },
    }
}

fn accounts() -> TableReplica {
    TableReplica {
        aggregate: "identity.account",
        table: "accounts",
        columns: &["display_name", "staff_id", "status", "valid_after"],
        row: |event| {
            let account: Account = event.decode()?;
            let valid_after = account.valid_after.unwrap_or_else(|| "1970-01-01T00:00:00Z".into());
            Ok(object(json!({"display_name": account.display_name, "staff_id": account.staff_id, "status": account.status, "valid_after": valid_after})))
        },
    }
}

fn grants() -> TableReplica {
    TableReplica {
        aggregate: "identity.grant",
        table: "grants",
        columns: &["account_id", "role", "unit_id", "hierarchy", "education_levels", "class_ids", "valid_from", "valid_until", "status", "given_by"],
        row: |event| {
            let grant: Grant = event.decode()?;
            Ok(object(json!({
                "account_id": grant.account_id, "role": grant.role, "unit_id": grant.unit_id, "hierarchy": grant.hierarchy,
                "education_levels": grant.education_levels, "class_ids": grant.class_ids,
                "valid_from": grant.valid_from, "valid_until": grant.valid_until, "status": grant.status, "given_by": grant.given_by,
            })))
        },
    }
}

fn signing_keys() -> TableReplica {
    TableReplica {
        aggregate: "identity.signing_key",
        table: "signing_keys",
        columns: &["kid", "x", "y", "not_before", "not_after"],
        row: |event| {
            let key: SigningKey = event.decode()?;
            Ok(object(json!({"kid": key.kid, "x": key.x, "y": key.y, "not_before": key.not_before, "not_after": key.not_after})))
        },
    }
}

/// How recent the copies are known to be.
struct Freshness;

/// Notes that everything identity committed before `as_of` has arrived.
///
/// # Errors
/// When the database cannot be asked.
pub async fn note_freshness(conn: &mut Connection, as_of: DateTime<Utc>) -> StoreResult<()> {
    sql_query("update authority_freshness set as_of = $1 where as_of < $1").bind::<sql_types::Timestamptz, _>(as_of).execute(conn).await?;
    Ok(())
}

#[async_trait]
impl Replica for Freshness {
    fn aggregate(&self) -> &'static str {
        HEARTBEAT
    }

    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError> {
        for event in events {
            let beat: Heartbeat = event.decode()?;
            let as_of = DateTime::parse_from_rfc3339(&beat.as_of).map_err(|error| ApplyError::Poison(error.to_string()))?;
            note_freshness(conn, as_of.with_timezone(&Utc)).await?;
        }
        Ok(())
    }

    fn expected(&self, _: &Event) -> Result<Value, ApplyError> {
        Ok(Value::Null)
    }

    async fn held(&self, _: &mut Connection, _: &[Uuid]) -> StoreResult<Vec<Held>> {
        Ok(Vec::new())
    }

    async fn ids(&self, _: &mut Connection, _: Option<Uuid>, _: i64) -> StoreResult<Vec<Uuid>> {
        Ok(Vec::new())
    }
}
