//! The usual copy: one table, one row per aggregate.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, Keep, StoreError, StoreResult};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{ApplyError, Event, Held, Replica};

/// A copy kept in a table that has `id`, `tenant_id`, `epoch`, `version` and [`TableReplica::columns`].
#[derive(Clone, Debug)]
pub struct TableReplica {
    /// The aggregate copied.
    pub aggregate: &'static str,
    /// The table.
    pub table: &'static str,
    /// The columns that the event fills, besides those every copy has.
    pub columns: &'static [&'static str],
    /// The values of [`TableReplica::columns`] by name; an absent one is null.
    pub row: fn(&Event) -> Result<Map<String, Value>, ApplyError>,
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct HeldRow {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql_types::BigInt)]
    epoch: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    version: i64,
    #[diesel(sql_type = sql_types::Jsonb)]
    row: Value,
}

impl TableReplica {
    /// Writes what is newer than what is held; answers the ids of the rows it wrote, for effects beside the copy.
    ///
    /// # Errors
    /// [`ApplyError::Poison`] for what is not the contract, [`ApplyError::Store`] when the table refuses.
    pub async fn write(&self, conn: &mut Connection, events: &[Event]) -> Result<Vec<Uuid>, ApplyError> {
        let (again, fresh): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.resync);
        let mut written = self.write_when(conn, &fresh, ">").await?;
        written.extend(self.write_when(conn, &again, ">=").await?);
        Ok(written)
    }

    async fn write_when(&self, conn: &mut Connection, events: &[&Event], order: &str) -> Result<Vec<Uuid>, ApplyError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let rows = events.iter().map(|event| self.whole_row(event)).collect::<Result<Vec<Value>, _>>()?;
        let table = self.table;
        let names: Vec<&str> = ["id", "tenant_id", "epoch", "version"].into_iter().chain(self.columns.iter().copied()).collect();
        let updates: Vec<String> = names.iter().filter(|name| **name != "id").map(|name| format!("{name} = excluded.{name}")).collect();
        let list = names.join(", ");
        let statement = format!(
            "insert into {table} ({list}) select {list} from jsonb_populate_recordset(null::{table}, $1) \
             on conflict (id) do update set {} where (excluded.epoch, excluded.version) {order} ({table}.epoch, {table}.version) returning id",
            updates.join(", ")
        );
        let written: Vec<Written> = Keep(sql_query(statement).bind::<sql_types::Jsonb, _>(Value::Array(rows))).load(conn).await?;
        Ok(written.into_iter().map(|row| row.id).collect())
    }

    fn whole_row(&self, event: &Event) -> Result<Value, ApplyError> {
        let mut row = (self.row)(event)?;
        row.insert("id".into(), Value::from(event.id.to_string()));
        row.insert("tenant_id".into(), Value::from(event.tenant_id.to_string()));
        row.insert("epoch".into(), Value::from(event.epoch));
        row.insert("version".into(), Value::from(event.version));
        Ok(Value::Object(row))
    }
}

#[async_trait]
impl Replica for TableReplica {
    fn aggregate(&self) -> &'static str {
        self.aggregate
    }

    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError> {
        self.write(conn, events).await.map(|_| ())
    }

    fn expected(&self, event: &Event) -> Result<Value, ApplyError> {
        let mut row = (self.row)(event)?;
        row.insert("tenant_id".into(), Value::from(event.tenant_id.to_string()));
        for column in self.columns {
            row.entry(*column).or_insert(Value::Null);
        }
        Ok(canonical(Value::Object(row)))
    }

    async fn held(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<Vec<Held>> {
        let fields: Vec<String> = self.columns.iter().chain(&["tenant_id"]).map(|column| format!("'{column}', {column}")).collect();
        let statement = format!("select id, epoch, version, jsonb_build_object({}) as row from {} where id = any($1)", fields.join(", "), self.table);
        let rows: Vec<HeldRow> = sql_query(statement).bind::<sql_types::Array<sql_types::Uuid>, _>(ids.to_vec()).load(conn).await.map_err(StoreError::from)?;
        Ok(rows.into_iter().map(|held| Held { id: held.id, epoch: held.epoch, version: held.version, row: canonical(held.row) }).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        let statement = format!("select id from {} where id > $1 order by id limit $2", self.table);
        let query = sql_query(statement).bind::<sql_types::Uuid, _>(after.unwrap_or(Uuid::nil())).bind::<sql_types::BigInt, _>(limit);
        let rows: Vec<Written> = query.load(conn).await.map_err(StoreError::from)?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}

/// The same instant is written in more than one way: with another zone, with more zeros.
fn canonical(value: Value) -> Value {
    match value {
        Value::String(text) => match DateTime::parse_from_rfc3339(&text) {
            Ok(instant) => Value::from(instant.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Micros, true)),
            Err(_) => Value::String(text),
        },
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, field)| (name, canonical(field))).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}
