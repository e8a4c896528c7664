//! A sample aggregate: staff with an owner's table and a copy of it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types as sql};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_events::{ApplyError, Event, Held, Replica, Source, contracts::personnel::Staff};
use registrar_store::{Connection, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

pub const STAFF: &str = "personnel.staff";

/// The owner's tables: one that is published, one that is only tracked.
pub const OWNER: &str = "
    create table staff (
        id uuid primary key, tenant_id uuid not null, version bigint not null default 1,
        change_xid bigint not null default 0, change_sequence bigint not null default 0, changed_at timestamptz not null default now(),
        full_name text not null, ended boolean not null default false);
    call track('staff', 'personnel.staff');
    create table note (
        id uuid primary key, tenant_id uuid not null, version bigint not null default 1,
        change_xid bigint not null default 0, change_sequence bigint not null default 0);
    call track('note', 'personnel.note');";

/// The consumer's copy; `applied` counts every event that was written.
pub const COPY: &str = "
    create table staff_copy (
        id uuid primary key, epoch bigint not null, version bigint not null, full_name text not null check (full_name <> 'refused'),
        ended boolean not null, applied bigint not null default 1);";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql::Uuid)]
    tenant_id: Uuid,
    #[diesel(sql_type = sql::BigInt)]
    version: i64,
    #[diesel(sql_type = sql::Timestamptz)]
    changed_at: DateTime<Utc>,
    #[diesel(sql_type = sql::Text)]
    full_name: String,
    #[diesel(sql_type = sql::Bool)]
    ended: bool,
}

#[derive(QueryableByName)]
struct Copy {
    #[diesel(sql_type = sql::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql::BigInt)]
    epoch: i64,
    #[diesel(sql_type = sql::BigInt)]
    version: i64,
    #[diesel(sql_type = sql::Text)]
    full_name: String,
    #[diesel(sql_type = sql::Bool)]
    ended: bool,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = sql::Uuid)]
    id: Uuid,
}

async fn ids(conn: &mut Connection, table: &str, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
    let query = sql_query(format!("select id from {table} where $1 is null or id > $1 order by id limit $2"));
    let rows: Vec<Id> = query.bind::<sql::Nullable<sql::Uuid>, _>(after).bind::<sql::BigInt, _>(limit).load(conn).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

pub fn event(id: Uuid, epoch: i64, version: i64, full_name: &str, ended: bool) -> Event {
    Event {
        aggregate: STAFF.to_owned(),
        id,
        tenant_id: Uuid::nil(),
        epoch,
        version,
        ended,
        occurred_at: Utc::now(),
        payload: Staff { full_name: full_name.to_owned(), ..Staff::default() }.encode_to_vec(),
        traceparent: None,
        resync: false,
    }
}

pub struct StaffSource;

#[async_trait]
impl Source for StaffSource {
    fn aggregate(&self) -> &'static str {
        STAFF
    }

    async fn load(&self, conn: &mut Connection, epoch: i64, ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        let rows: Vec<Row> = sql_query("select * from staff where id = any($1)").bind::<sql::Array<sql::Uuid>, _>(ids).load(conn).await?;
        let event = |row: Row| Event { tenant_id: row.tenant_id, occurred_at: row.changed_at, ..event(row.id, epoch, row.version, &row.full_name, row.ended) };
        Ok(rows.into_iter().map(event).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        ids(conn, "staff", after, limit).await
    }
}

/// A source that always panics, of the tracked table without a name of its own.
pub struct PanickingSource;

#[async_trait]
impl Source for PanickingSource {
    fn aggregate(&self) -> &'static str {
        "personnel.note"
    }

    async fn load(&self, _conn: &mut Connection, _epoch: i64, _ids: &[Uuid]) -> StoreResult<Vec<Event>> {
        panic!("the test wants it")
    }

    async fn ids(&self, _conn: &mut Connection, _after: Option<Uuid>, _limit: i64) -> StoreResult<Vec<Uuid>> {
        Ok(Vec::new())
    }
}

/// A copy with faults: the names "poison", "panic" and "refused" (by a check) cannot be applied.
pub struct StaffReplica;

impl StaffReplica {
    fn row(event: &Event) -> Result<Staff, ApplyError> {
        let staff: Staff = event.decode()?;
        match staff.full_name.as_str() {
            "poison" => Err(ApplyError::Poison("poisonous".to_owned())),
            "panic" => panic!("the test wants it"),
            _ => Ok(staff),
        }
    }
}

#[async_trait]
impl Replica for StaffReplica {
    fn aggregate(&self) -> &'static str {
        STAFF
    }

    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError> {
        for (resync, order) in [(false, ">"), (true, ">=")] {
            let row = |event: &Event| {
                StaffReplica::row(event)
                    .map(|staff| json!({ "id": event.id, "epoch": event.epoch, "version": event.version, "full_name": staff.full_name, "ended": event.ended, "applied": 1 }))
            };
            let rows = events.iter().filter(|event| event.resync == resync).map(row).collect::<Result<Vec<Value>, ApplyError>>()?;
            sql_query(format!(
                "insert into staff_copy as held select * from jsonb_populate_recordset(null::staff_copy, $1)
                 on conflict (id) do update set epoch = excluded.epoch, version = excluded.version, full_name = excluded.full_name,
                    ended = excluded.ended, applied = held.applied + 1
                 where (excluded.epoch, excluded.version) {order} (held.epoch, held.version)"
            ))
            .bind::<sql::Jsonb, _>(Value::Array(rows))
            .execute(conn)
            .await?;
        }
        Ok(())
    }

    fn expected(&self, event: &Event) -> Result<Value, ApplyError> {
        Ok(json!({ "full_name": event.decode::<Staff>()?.full_name, "ended": event.ended }))
    }

    async fn held(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<Vec<Held>> {
        let rows: Vec<Copy> = sql_query("select * from staff_copy where id = any($1)").bind::<sql::Array<sql::Uuid>, _>(ids).load(conn).await?;
        let held = |row: Copy| Held { id: row.id, epoch: row.epoch, version: row.version, row: json!({ "full_name": row.full_name, "ended": row.ended }) };
        Ok(rows.into_iter().map(held).collect())
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        ids(conn, "staff_copy", after, limit).await
    }
}
