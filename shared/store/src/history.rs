//! The history of a record: who changed what, when, through which application, from what to what.
//! The trigger stores whole former states; the differences are computed here, when somebody asks.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_query, sql_types};
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
    let changes = new
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, _)| !BOOKKEEPING.contains(&field.as_str()) && !hidden.contains(&field.as_str()))
        .filter_map(|(field, value)| {
            let before = old.get(field).cloned().unwrap_or(Value::Null);
            (before != *value).then(|| FieldChange { field: field.clone(), old: before, new: value.clone() })
        })
        .collect();
    Ok(HistoryEntry {
        version: written.version,
        changed_at: written.changed_at,
        changed_by: written.changed_by,
        changed_for: written.changed_for,
        changed_via: written.changed_via,
        request_id: written.request_id,
        changes,
    })
}
