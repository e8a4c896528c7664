//! Every query on exports.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_query, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::Access;
use registrar_domain::Locale;
use registrar_store::{
    Connection, StoreError, StoreResult,
    schema::{export_parts, exports},
};
use uuid::Uuid;

use super::{Export, ExportFormat, ExportInput, ExportState, MOST_UNFINISHED};

/// How long a worker holds a job before another may begin it anew; every page renews it.
const HELD: TimeDelta = TimeDelta::seconds(60);

#[derive(Queryable, Selectable)]
#[diesel(table_name = exports)]
struct ExportRecord {
    id: Uuid,
    format: ExportFormat,
    query: String,
    sensitive: bool,
    state: ExportState,
    reason: Option<String>,
    rows: i32,
    bytes: i64,
    attempts: i32,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<ExportRecord> for Export {
    fn from(row: ExportRecord) -> Self {
        let ExportRecord { id, format, query, sensitive, state, reason, rows, bytes, attempts, created_at, finished_at } = row;
        Export { id, format, query, sensitive, state, reason, rows, bytes, attempts, created_at, finished_at }
    }
}

/// Puts a job into the queue; none when too many of the caller's are unfinished.
pub(super) async fn enqueue(conn: &mut Connection, access: &Access, resource: &str, input: &ExportInput, locale: Locale) -> StoreResult<Option<Export>> {
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        // One at a time per account, so that the count holds.
        let name = format!("exports of {}", access.account);
        sql_query("select pg_advisory_xact_lock(hashtextextended($1, 0))").bind::<sql_types::Text, _>(name).execute(conn).await?;
        let own = exports::table.filter(exports::account_id.eq(Uuid::from(access.account)).and(exports::state.eq_any(["queued", "running"])));
        if own.count().get_result::<i64>(conn).await? >= MOST_UNFINISHED {
            return Ok(None);
        }
        let row: ExportRecord = diesel::insert_into(exports::table)
            .values((
                exports::id.eq(Uuid::now_v7()),
                exports::tenant_id.eq(Uuid::from(access.tenant)),
                exports::resource.eq(resource),
                exports::account_id.eq(Uuid::from(access.account)),
                exports::client.eq(&access.client),
                exports::request_id.eq(access.request_id),
                exports::format.eq(input.format),
                exports::locale.eq(locale.tag()),
                exports::query.eq(&input.query),
                exports::sensitive.eq(input.sensitive),
                exports::state.eq("queued"),
                exports::created_at.eq(access.now),
            ))
            .returning(ExportRecord::as_returning())
            .get_result(conn)
            .await?;
        Ok(Some(row.into()))
    })
    .await
}

/// An export of the caller's own; nobody else's, whatever their rights: it was written with the owner's.
pub(super) async fn find(conn: &mut Connection, access: &Access, resource: &str, id: Uuid) -> StoreResult<Export> {
    let own = exports::tenant_id.eq(Uuid::from(access.tenant)).and(exports::account_id.eq(Uuid::from(access.account)));
    let row: ExportRecord = exports::table.filter(exports::id.eq(id).and(exports::resource.eq(resource)).and(own)).select(ExportRecord::as_select()).first(conn).await?;
    Ok(row.into())
}

/// A part of a file, from 0; none after the last.
pub(super) async fn part(conn: &mut Connection, id: Uuid, part: i32) -> StoreResult<Option<Vec<u8>>> {
    Ok(export_parts::table.filter(export_parts::export_id.eq(id).and(export_parts::part.eq(part))).select(export_parts::content).first(conn).await.optional()?)
}

/// A job taken by this worker.
#[derive(QueryableByName)]
#[diesel(table_name = exports)]
pub(super) struct Job {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub resource: String,
    pub account_id: Uuid,
    pub client: String,
    pub request_id: Uuid,
    pub format: ExportFormat,
    pub locale: String,
    pub query: String,
    pub sensitive: bool,
    /// Which attempt this is: whoever takes the job over makes another.
    pub attempts: i32,
}

/// Takes a job nobody holds, among `resources`: of the account whose last turn is longest ago the oldest.
pub(super) async fn take(conn: &mut Connection, resources: &[&str], now: DateTime<Utc>) -> StoreResult<Option<Job>> {
    let taken = sql_query(
        "update exports set state = 'running', held_until = $1, attempts = attempts + 1, rows = 0 where id = (
             select w.id from exports w
             where w.resource = any($2) and (w.state = 'queued' or (w.state = 'running' and w.held_until < $3))
             order by (select max(coalesce(e.finished_at, e.held_until)) from exports e where e.account_id = w.account_id and e.state <> 'queued') nulls first,
                      w.created_at
             limit 1 for update skip locked)
         returning id, tenant_id, resource, account_id, client, request_id, format, locale, query, sensitive, attempts",
    )
    .bind::<sql_types::Timestamptz, _>(now + HELD)
    .bind::<sql_types::Array<sql_types::Text>, _>(resources.to_vec())
    .bind::<sql_types::Timestamptz, _>(now);
    Ok(taken.get_result(conn).await.optional()?)
}

#[diesel::dsl::auto_type]
fn held(id: Uuid, attempts: i32) -> _ {
    exports::table.filter(exports::id.eq(id).and(exports::state.eq("running")).and(exports::attempts.eq(attempts)))
}

/// Notes how many rows have been written; false when the job was taken over.
pub(super) async fn progress(conn: &mut Connection, job: &Job, rows: i32, now: DateTime<Utc>) -> StoreResult<bool> {
    Ok(diesel::update(held(job.id, job.attempts)).set((exports::rows.eq(rows), exports::held_until.eq(now + HELD))).execute(conn).await? > 0)
}

/// Keeps a part of the file; the parts of a former attempt are overwritten.
pub(super) async fn keep(conn: &mut Connection, job: &Job, part: i32, content: &[u8]) -> StoreResult<()> {
    diesel::insert_into(export_parts::table)
        .values((export_parts::export_id.eq(job.id), export_parts::part.eq(part), export_parts::content.eq(content)))
        .on_conflict((export_parts::export_id, export_parts::part))
        .do_update()
        .set(export_parts::content.eq(content))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a job with the size of its file in parts and bytes, or with the reason why there is none; unless it was taken over.
pub(super) async fn finish(conn: &mut Connection, job: &Job, written: Result<(i32, i64), &str>, now: DateTime<Utc>) -> StoreResult<()> {
    let (parts, bytes) = written.unwrap_or((0, 0));
    diesel::delete(export_parts::table.filter(export_parts::export_id.eq(job.id).and(export_parts::part.ge(parts)))).execute(conn).await?;
    diesel::update(held(job.id, job.attempts))
        .set((
            exports::state.eq(if written.is_ok() { ExportState::Done } else { ExportState::Failed }.as_str()),
            exports::reason.eq(written.err()),
            exports::bytes.eq(bytes),
            exports::finished_at.eq(now),
            exports::held_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
