//! Many rows in one statement, for imports: the rows travel as one JSON value, so that neither the text of the statement
//! nor the number of its bound values grows with them.

use std::fmt::Debug;

use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
pub use registrar_store::json::{Row, fields};
use registrar_store::{Connection, Json, Keep, StoreError, StoreResult};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::Access;

/// The author columns, bound after the rows ($1) and the tenant ($2).
const AUTHOR: [(&str, &str); 5] = [("changed_at", "$3"), ("changed_by", "$4"), ("changed_for", "$5"), ("changed_via", "$6"), ("request_id", "$7")];

/// A record's columns with its id, and the version that was read (1 of a new one): a row for [`update`], and for [`insert`]
/// when more columns are added to it.
///
/// # Errors
/// [`StoreError::Broken`] when the columns cannot be written as JSON.
pub fn row(id: Uuid, version: i64, columns: &impl Serialize) -> StoreResult<Row> {
    let mut row = fields(columns)?;
    row.insert("id".to_owned(), json!(id));
    row.insert("version".to_owned(), json!(version));
    Ok(row)
}

/// A new record on its way into a table, for [`insert`]; it is written as JSON once, with the statement.
#[derive(Debug, Serialize)]
pub struct NewRow<T> {
    id: Uuid,
    #[serde(flatten)]
    columns: T,
}

impl<T> NewRow<T> {
    /// A record's columns with an id of its own.
    pub fn new(columns: T) -> Self {
        NewRow { id: Uuid::now_v7(), columns }
    }
}

/// The columns that the rows write, of which all have the same: those of the first.
fn columns(rows: &[impl Serialize]) -> StoreResult<Vec<String>> {
    let names = |row| Ok(fields(row)?.into_iter().map(|(name, _)| name).filter(|name| !["id", "version"].contains(&name.as_str())).collect::<Vec<_>>());
    let first = rows.iter().take(1).map(names).collect::<StoreResult<Vec<_>>>()?.pop().unwrap_or_default();
    debug_assert!(rows.iter().all(|row| names(row).is_ok_and(|names| names == first)), "rows of other columns");
    Ok(first)
}

/// Inserts rows.
///
/// # Errors
/// [`StoreError::Conflict`].
pub async fn insert<T: Serialize + Debug + Send>(conn: &mut Connection, access: &Access, table: &'static str, rows: Vec<T>) -> StoreResult<()> {
    let names = columns(&rows)?.join(", ");
    let (author, values) = (AUTHOR.map(|(column, _)| column).join(", "), AUTHOR.map(|(_, value)| value).join(", "));
    let statement = format!(
        "insert into {table} (id, tenant_id, {names}, {author}) \
         select id, $2, {names}, {values} from jsonb_populate_recordset(null::{table}, $1)"
    );
    run(conn, access, statement, rows).await.map(|_| ())
}

/// Changes rows.
///
/// # Errors
/// [`StoreError::Conflict`]; [`StoreError::Stale`] when one was changed since, which a lock while reading rules out.
pub async fn update(conn: &mut Connection, access: &Access, table: &'static str, rows: Vec<Row>) -> StoreResult<()> {
    let expected = rows.len();
    let own = columns(&rows)?.into_iter().map(|column| format!("{column} = r.{column}"));
    let author = AUTHOR.iter().map(|(column, value)| format!("{column} = {value}"));
    let set: Vec<String> = own.chain(author).collect();
    let statement = format!(
        "update {table} t set {} from jsonb_populate_recordset(null::{table}, $1) r \
         where t.id = r.id and t.tenant_id = $2 and t.version = r.version",
        set.join(", ")
    );
    if run(conn, access, statement, rows).await? == expected { Ok(()) } else { Err(StoreError::Stale { current: 0 }) }
}

async fn run<T: Serialize + Debug + Send>(conn: &mut Connection, access: &Access, statement: String, rows: Vec<T>) -> StoreResult<usize> {
    if rows.is_empty() {
        return Ok(0);
    }
    let author = access.author();
    let query = sql_query(statement)
        .bind::<sql_types::Jsonb, _>(Json(rows))
        .bind::<sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<sql_types::Timestamptz, _>(author.at)
        .bind::<sql_types::Uuid, _>(author.account)
        .bind::<sql_types::Nullable<sql_types::Uuid>, _>(author.on_behalf_of)
        .bind::<sql_types::Text, _>(author.client)
        .bind::<sql_types::Uuid, _>(author.request_id);
    Ok(Keep(query).execute(conn).await?)
}
