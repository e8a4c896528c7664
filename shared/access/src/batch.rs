//! Many rows in one statement, for imports: the rows travel as one JSON value, so that neither the text of the statement
//! nor the number of its bound values grows with them.

use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, Keep, StoreError, StoreResult};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Access;

/// The author columns, bound after the rows ($1) and the tenant ($2).
const AUTHOR: [(&str, &str); 5] = [("changed_at", "$3"), ("changed_by", "$4"), ("changed_for", "$5"), ("changed_via", "$6"), ("request_id", "$7")];

/// A record's columns as members of an object.
///
/// # Errors
/// [`StoreError::Broken`] when it is not one.
pub fn fields(record: &impl Serialize) -> StoreResult<Map<String, Value>> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(StoreError::Broken("a row cannot be written as JSON")),
    }
}

/// Inserts rows; each is an object with an `id` and these columns.
///
/// # Errors
/// [`StoreError::Conflict`].
pub async fn insert(conn: &mut Connection, access: &Access, table: &'static str, columns: &[impl AsRef<str>], rows: Vec<Value>) -> StoreResult<()> {
    let names = columns.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    let (author, values) = (AUTHOR.map(|(column, _)| column).join(", "), AUTHOR.map(|(_, value)| value).join(", "));
    let statement = format!(
        "insert into {table} (id, tenant_id, {names}, {author}) \
         select id, $2, {names}, {values} from jsonb_populate_recordset(null::{table}, $1)"
    );
    run(conn, access, statement, rows).await.map(|_| ())
}

/// Changes these columns of rows; each is an object with the `id`, the `version` that was read, and the columns.
///
/// # Errors
/// [`StoreError::Conflict`]; [`StoreError::Stale`] when one was changed since, which a lock while reading rules out.
pub async fn update(conn: &mut Connection, access: &Access, table: &'static str, columns: &[&'static str], rows: Vec<Value>) -> StoreResult<()> {
    let expected = rows.len();
    let own = columns.iter().map(|column| format!("{column} = r.{column}"));
    let author = AUTHOR.iter().map(|(column, value)| format!("{column} = {value}"));
    let set: Vec<String> = own.chain(author).collect();
    let statement = format!(
        "update {table} t set {} from jsonb_populate_recordset(null::{table}, $1) r \
         where t.id = r.id and t.tenant_id = $2 and t.version = r.version",
        set.join(", ")
    );
    if run(conn, access, statement, rows).await? == expected { Ok(()) } else { Err(StoreError::Stale { current: 0 }) }
}

async fn run(conn: &mut Connection, access: &Access, statement: String, rows: Vec<Value>) -> StoreResult<usize> {
    if rows.is_empty() {
        return Ok(0);
    }
    let author = access.author();
    let query = sql_query(statement)
        .bind::<sql_types::Jsonb, _>(Value::Array(rows))
        .bind::<sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<sql_types::Timestamptz, _>(author.at)
        .bind::<sql_types::Uuid, _>(author.account)
        .bind::<sql_types::Nullable<sql_types::Uuid>, _>(author.on_behalf_of)
        .bind::<sql_types::Text, _>(author.client)
        .bind::<sql_types::Uuid, _>(author.request_id);
    Ok(Keep(query).execute(conn).await?)
}
