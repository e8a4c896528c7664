//! Every query on imports.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_query, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::Access;
use registrar_store::{
    Connection, Cursor, Page, PageRequest, StoreError, StoreResult,
    schema::{import_errors, imports},
};
use uuid::Uuid;

use super::{Import, ImportError, ImportState, MOST_UNFINISHED, Outcome, RowResult};

/// How long a worker holds a job before another may take it over; every chunk renews it.
const HELD: TimeDelta = TimeDelta::seconds(30);

/// Errors kept per import; the count goes on.
const MOST_ERRORS: i32 = 10_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = imports)]
struct ImportRecord {
    id: Uuid,
    state: String,
    reason: Option<String>,
    dry_run: bool,
    total: i32,
    done: i32,
    created: i32,
    changed: i32,
    unchanged: i32,
    failed: i32,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<ImportRecord> for Import {
    fn from(row: ImportRecord) -> Self {
        let state = match row.state.as_str() {
            "queued" => ImportState::Queued,
            "running" => ImportState::Running,
            "done" => ImportState::Done,
            _ => ImportState::Failed,
        };
        Import {
            id: row.id,
            state,
            reason: row.reason,
            dry_run: row.dry_run,
            total: row.total,
            done: row.done,
            created: row.created,
            changed: row.changed,
            unchanged: row.unchanged,
            failed: row.failed,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// How many files of the caller wait or are being applied.
pub(super) async fn unfinished(conn: &mut Connection, access: &Access) -> StoreResult<i64> {
    let own = imports::table.filter(imports::account_id.eq(Uuid::from(access.account)).and(imports::tenant_id.eq(Uuid::from(access.tenant))));
    Ok(own.filter(imports::state.eq_any(["queued", "running"])).count().get_result(conn).await?)
}

/// Puts a job into the queue; none when too many of the caller's are unfinished.
pub(super) async fn enqueue(conn: &mut Connection, access: &Access, resource: &str, dry_run: bool, file: &[u8], total: i32) -> StoreResult<Option<Import>> {
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        // One at a time per account, so that the count holds.
        let name = format!("imports of {}", access.account);
        sql_query("select pg_advisory_xact_lock(hashtextextended($1, 0))").bind::<sql_types::Text, _>(name).execute(conn).await?;
        if unfinished(conn, access).await? >= MOST_UNFINISHED {
            return Ok(None);
        }
        Ok(Some(insert(conn, access, resource, dry_run, file, total).await?))
    })
    .await
}

async fn insert(conn: &mut Connection, access: &Access, resource: &str, dry_run: bool, file: &[u8], total: i32) -> StoreResult<Import> {
    let row: ImportRecord = diesel::insert_into(imports::table)
        .values((
            imports::id.eq(Uuid::now_v7()),
            imports::tenant_id.eq(Uuid::from(access.tenant)),
            imports::resource.eq(resource),
            imports::account_id.eq(Uuid::from(access.account)),
            imports::client.eq(&access.client),
            imports::request_id.eq(access.request_id),
            imports::dry_run.eq(dry_run),
            imports::file.eq(file),
            imports::state.eq("queued"),
            imports::total.eq(total),
            imports::created_at.eq(access.now),
        ))
        .returning(ImportRecord::as_returning())
        .get_result(conn)
        .await?;
    Ok(row.into())
}

/// An import of the caller's own; others' are not found, except by who manages the whole tenant.
pub(super) async fn find(conn: &mut Connection, access: &Access, action: registrar_access::Action, resource: &str, id: Uuid) -> StoreResult<Import> {
    let mut query = imports::table
        .filter(imports::tenant_id.eq(Uuid::from(access.tenant)).and(imports::id.eq(id)).and(imports::resource.eq(resource)))
        .select(ImportRecord::as_select())
        .into_boxed();
    if !access.reaches_whole_tenant(action) {
        query = query.filter(imports::account_id.eq(Uuid::from(access.account)));
    }
    Ok(query.first(conn).await?.into())
}

/// What was wrong, in the file's order.
pub(super) async fn errors(conn: &mut Connection, id: Uuid, page: &PageRequest) -> StoreResult<Page<ImportError>> {
    let after = page
        .after
        .as_ref()
        .map(|cursor: &Cursor| cursor.key.split_once('.').and_then(|(line, place)| Some((line.parse::<i32>().ok()?, place.parse::<i32>().ok()?))).ok_or(StoreError::BadCursor))
        .transpose()?;
    let (line, place) = after.unwrap_or((0, 0));
    type Row = (i32, i32, String, String, String, Option<String>);
    let rows: Vec<Row> = import_errors::table
        .filter(import_errors::import_id.eq(id))
        .filter(import_errors::line.gt(line).or(import_errors::line.eq(line).and(import_errors::place.gt(place))))
        .order((import_errors::line, import_errors::place))
        .limit(page.limit + 1)
        .select((import_errors::line, import_errors::place, import_errors::field, import_errors::code, import_errors::detail, import_errors::value))
        .load(conn)
        .await?;
    let page = page.page(rows, None, |row| (format!("{}.{}", row.0, row.1), id));
    let items = page.items.into_iter().map(|(line, _, field, code, detail, value)| ImportError { line, field, code, detail, value }).collect();
    Ok(Page { items, next: page.next, total: page.total })
}

/// A job taken by this worker.
#[derive(QueryableByName)]
#[diesel(table_name = imports)]
pub(super) struct Job {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub resource: String,
    pub account_id: Uuid,
    pub client: String,
    pub request_id: Uuid,
    pub dry_run: bool,
    pub file: Option<Vec<u8>>,
    /// Rows tried when it was taken, then those tried by this worker too.
    pub done: i32,
}

/// A job's row while it is this worker's: whoever takes it over moves it on, or ends it.
#[diesel::dsl::auto_type]
fn held(id: Uuid, done: i32) -> _ {
    imports::table.filter(imports::id.eq(id).and(imports::state.eq("running")).and(imports::done.eq(done)))
}

/// Takes a job nobody holds, among `resources`: of the account whose last turn is longest ago the oldest, so that whoever
/// sends many files holds up nobody but themselves.
pub(super) async fn take(conn: &mut Connection, resources: &[&str], now: DateTime<Utc>) -> StoreResult<Option<Job>> {
    let taken = sql_query(
        "update imports set state = 'running', held_until = $1 where id = (
             select w.id from imports w
             where w.resource = any($2) and (w.state = 'queued' or (w.state = 'running' and w.held_until < $3))
             order by (select max(coalesce(e.finished_at, e.held_until)) from imports e where e.account_id = w.account_id and e.state <> 'queued') nulls first,
                      w.created_at
             limit 1 for update skip locked)
         returning id, tenant_id, resource, account_id, client, request_id, dry_run, file, done",
    )
    .bind::<sql_types::Timestamptz, _>(now + HELD)
    .bind::<sql_types::Array<sql_types::Text>, _>(resources.to_vec())
    .bind::<sql_types::Timestamptz, _>(now);
    Ok(taken.get_result(conn).await.optional()?)
}

/// Adds a chunk's results to the job, in the chunk's own transaction; answers how many rows have now been tried, none
/// when the job was taken over: then the chunk must be rolled back.
pub(super) async fn progress(
    conn: &mut Connection,
    job: &Job,
    results: &[RowResult],
    cells: &(dyn Fn(i32, &str) -> Option<String> + Sync),
    now: DateTime<Utc>,
) -> StoreResult<Option<i32>> {
    let count = |wanted: fn(&Outcome) -> bool| i32::try_from(results.iter().filter(|result| wanted(&result.outcome)).count()).unwrap_or(i32::MAX);
    let counted: Option<(i32, i32)> = diesel::update(held(job.id, job.done))
        .set((
            imports::done.eq(imports::done + count(|_| true)),
            imports::created.eq(imports::created + count(|outcome| *outcome == Outcome::Created)),
            imports::changed.eq(imports::changed + count(|outcome| *outcome == Outcome::Changed)),
            imports::unchanged.eq(imports::unchanged + count(|outcome| *outcome == Outcome::Unchanged)),
            imports::failed.eq(imports::failed + count(|outcome| matches!(outcome, Outcome::Failed(_)))),
            imports::held_until.eq(now + HELD),
        ))
        .returning((imports::done, imports::failed))
        .get_result(conn)
        .await
        .optional()?;
    let Some((done, failed)) = counted else { return Ok(None) };
    if failed > MOST_ERRORS {
        return Ok(Some(done));
    }
    let mut rows = Vec::new();
    for result in results {
        let Outcome::Failed(errors) = &result.outcome else { continue };
        for (place, error) in errors.iter().enumerate() {
            rows.push((
                import_errors::import_id.eq(job.id),
                import_errors::line.eq(result.line),
                import_errors::place.eq(i32::try_from(place + 1).unwrap_or(i32::MAX)),
                import_errors::field.eq(error.pointer.clone()),
                import_errors::code.eq(error.code.clone()),
                import_errors::detail.eq(error.detail.clone()),
                import_errors::value.eq(cells(result.line, &error.pointer)),
            ));
        }
    }
    for part in rows.chunks(1000) {
        diesel::insert_into(import_errors::table).values(part).execute(conn).await?;
    }
    Ok(Some(done))
}

/// Ends a job, unless it was taken over; its file is no longer needed.
pub(super) async fn finish(conn: &mut Connection, job: &Job, failed: Option<&str>, now: DateTime<Utc>) -> StoreResult<()> {
    diesel::update(held(job.id, job.done))
        .set((
            imports::state.eq(if failed.is_some() { "failed" } else { "done" }),
            imports::reason.eq(failed),
            imports::finished_at.eq(now),
            imports::file.eq(None::<Vec<u8>>),
            imports::held_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
