//! The history of a record: who changed what, when, through which application, from what to what.
//! The trigger stores whole former states; the differences are computed here, when somebody asks.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Connection, StoreError, StoreResult, schema::history};

/// One version of a record.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct HistoryEntry {
    /// The version that this change made, from 1.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    pub changed_at: DateTime<Utc>,
    /// The acting account.
    pub changed_by: Uuid,
    /// The accountable account, when somebody acted for them.
    pub changed_for: Option<Uuid>,
    /// The application through which the change came.
    pub changed_via: String,
    /// The request that made it; the service's log has the same id.
    pub request_id: Uuid,
    /// The fields that differ from the version before; all fields that have a value for the first version.
    #[schema(max_items = 100)]
    pub changes: Vec<FieldChange>,
}

/// A field's former and new value.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// The value before; null when it had none.
    pub old: Value,
    /// The value since; null when it has none.
    pub new: Value,
}

/// Columns of tracked rows that are not facts about the record: those that every one has, and those derived from others.
const BOOKKEEPING: [&str; 13] = [
    "version",
    "change_xid",
    "change_sequence",
    "changed_at",
    "changed_by",
    "changed_for",
    "changed_via",
    "request_id",
    "tenant_id",
    "epoch",
    "name_search",
    "name_sort",
    "name_key",
];

/// Versions answered at most.
const LONGEST: i64 = 200;

#[derive(QueryableByName)]
struct State {
    #[diesel(sql_type = sql_types::Jsonb)]
    state: Value,
}

/// All versions of the record, newest first, at most 200. The caller has already been allowed to see it.
/// `table` holds its current state; `hidden` are fields the caller may not see.
///
/// # Errors
/// [`StoreError::NotFound`] when the table has no such row.
pub async fn entries(conn: &mut Connection, aggregate: &'static str, table: &'static str, id: Uuid, hidden: &[&str]) -> StoreResult<Vec<HistoryEntry>> {
    let current: State = sql_query(format!("select to_jsonb(t) as state from {table} t where id = $1")).bind::<sql_types::Uuid, _>(id).get_result(conn).await?;
    let former: Vec<Value> =
        history::table.filter(history::aggregate.eq(aggregate)).filter(history::id.eq(id)).order(history::version.desc()).limit(LONGEST).select(history::state).load(conn).await?;
    let whole = former.len() < usize::try_from(LONGEST).unwrap_or(usize::MAX);
    let mut states: Vec<Value> = std::iter::once(current.state).chain(former).collect();
    if whole {
        states.push(Value::Object(Map::new()));
    }
    states.windows(2).map(|pair| if let [new, old] = pair { entry(old, new, hidden) } else { Err(StoreError::NotFound) }).collect()
}

/// The names of the fields in which the record differs from what it was at a version; none when that version is unknown.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn changed_since(mut conn: &Connection, aggregate: &'static str, table: &'static str, id: Uuid, version: i64) -> StoreResult<Vec<String>> {
    let former: Option<Value> = history::table
        .filter(history::aggregate.eq(aggregate))
        .filter(history::id.eq(id))
        .filter(history::version.eq(version))
        .select(history::state)
        .first(&mut conn)
        .await
        .optional()?;
    let Some(former) = former else { return Ok(Vec::new()) };
    let current: State = sql_query(format!("select to_jsonb(t) as state from {table} t where id = $1")).bind::<sql_types::Uuid, _>(id).get_result(&mut conn).await?;
    Ok(changes(&former, &current.state, &[]).into_iter().map(|change| change.field).collect())
}

/// The fields that differ, but for `hidden` ones and bookkeeping.
fn changes(old: &Value, new: &Value, hidden: &[&str]) -> Vec<FieldChange> {
    new.as_object()
        .into_iter()
        .flatten()
        .filter(|(field, _)| !BOOKKEEPING.contains(&field.as_str()) && !hidden.contains(&field.as_str()))
        .flat_map(|(field, value)| differences(field, old.get(field).unwrap_or(&Value::Null), value))
        .collect()
}

fn entry(old: &Value, new: &Value, hidden: &[&str]) -> StoreResult<HistoryEntry> {
    #[derive(serde::Deserialize)]
    struct Written {
        version: i64,
        changed_at: DateTime<Utc>,
        changed_by: Uuid,
        changed_for: Option<Uuid>,
        changed_via: String,
        request_id: Uuid,
    }
    let written: Written = serde_json::from_value(new.clone()).map_err(|_| StoreError::Broken("a history row lacks its author"))?;
    Ok(HistoryEntry {
        version: written.version,
        changed_at: written.changed_at,
        changed_by: written.changed_by,
        changed_for: written.changed_for,
        changed_via: written.changed_via,
        request_id: written.request_id,
        changes: changes(old, new, hidden),
    })
}

/// How two values of a field differ; of an object, how its members do, named `field.member`.
fn differences(field: &str, old: &Value, new: &Value) -> Vec<FieldChange> {
    let nothing = Map::new();
    let members = match (old, new) {
        (Value::Object(old), Value::Object(new)) => Some((old, new)),
        (Value::Null, Value::Object(new)) => Some((&nothing, new)),
        _ => None,
    };
    match members {
        Some((old, new)) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let of = |object: &Map<String, Value>, name: &str| object.get(name).cloned().unwrap_or(Value::Null);
            names.into_iter().flat_map(|name| differences(&format!("{field}.{name}"), &of(old, name), &of(new, name))).collect()
        }
        None if old == new => Vec::new(),
        None => vec![FieldChange { field: field.to_owned(), old: old.clone(), new: new.clone() }],
    }
}
