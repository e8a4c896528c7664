//! Every query on imports.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_query, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::Access;
use registrar_domain::Locale;
use registrar_spreadsheets::Place;
use registrar_store::{
    Connection, Cursor, Json, Page, PageRequest, StoreError, StoreResult,
    schema::{import_errors, import_parts, imports},
};
use serde_json::Value;
use uuid::Uuid;

use super::{HeldFor, Import, ImportError, ImportMode, ImportState, MOST_UNFINISHED, Outcome, RowResult};
use crate::exports::PART;

/// How long a worker holds a job before another may take it over; every chunk renews it.
const HELD: TimeDelta = TimeDelta::seconds(30);

/// Errors kept per import; the count goes on.
const MOST_ERRORS: i32 = 10_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = imports)]
struct ImportRecord {
    id: Uuid,
    state: ImportState,
    reason: Option<String>,
    mode: ImportMode,
    held_for: Json<Vec<HeldFor>>,
    attempts: i32,
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
        Import {
            id: row.id,
            mode: row.mode,
            state: row.state,
            reason: row.reason,
            held_for: row.held_for.0,
            attempts: row.attempts,
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

/// A file to be put into the queue.
pub(super) struct NewImport<'a> {
    pub resource: &'a str,
    pub mode: ImportMode,
    pub locale: Locale,
    pub file: &'a [u8],
    pub total: i32,
}

/// Puts a job into the queue; none when too many of the caller's are unfinished.
pub(super) async fn enqueue(conn: &mut Connection, access: &Access, new: &NewImport<'_>) -> StoreResult<Option<Import>> {
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        // One at a time per account, so that the count holds.
        let name = format!("imports of {}", access.account);
        sql_query("select pg_advisory_xact_lock(hashtextextended($1, 0))").bind::<sql_types::Text, _>(name).execute(conn).await?;
        if unfinished(conn, access).await? >= MOST_UNFINISHED {
            return Ok(None);
        }
        Ok(Some(insert(conn, access, new).await?))
    })
    .await
}

async fn insert(conn: &mut Connection, access: &Access, new: &NewImport<'_>) -> StoreResult<Import> {
    let row: ImportRecord = diesel::insert_into(imports::table)
        .values((
            imports::id.eq(Uuid::now_v7()),
            imports::tenant_id.eq(Uuid::from(access.tenant)),
            imports::resource.eq(new.resource),
            imports::account_id.eq(Uuid::from(access.account)),
            imports::client.eq(&access.client),
            imports::request_id.eq(access.request_id),
            imports::mode.eq(new.mode),
            imports::locale.eq(new.locale.tag()),
            imports::state.eq(ImportState::Queued),
            imports::total.eq(new.total),
            imports::created_at.eq(access.now),
        ))
        .returning(ImportRecord::as_returning())
        .get_result(conn)
        .await?;
    for (part, content) in (0..).zip(new.file.chunks(PART)) {
        let kept = (import_parts::import_id.eq(row.id), import_parts::part.eq(part), import_parts::content.eq(content));
        diesel::insert_into(import_parts::table).values(kept).execute(conn).await?;
    }
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

/// The file of an import that [`find`] has found, until it is deleted.
pub(super) async fn file(conn: &mut Connection, id: Uuid) -> StoreResult<Option<Vec<u8>>> {
    let of_import = || import_parts::table.filter(import_parts::import_id.eq(id));
    let Some(last) = of_import().select(diesel::dsl::max(import_parts::part)).get_result::<Option<i32>>(conn).await? else {
        // One that the former release has put into the queue.
        return Ok(imports::table.filter(imports::id.eq(id)).select(imports::file).first(conn).await?);
    };
    let mut file = Vec::new();
    for part in 0..=last {
        let content = of_import().filter(import_parts::part.eq(part)).select(import_parts::content).first::<Vec<u8>>(conn).await.optional()?;
        // Deleted while it was read.
        let Some(content) = content else { return Ok(None) };
        file.extend(content);
    }
    Ok(Some(file))
}

/// Lets a held import pass; nothing when it is not held.
pub(super) async fn confirm(conn: &mut Connection, id: Uuid) -> StoreResult<bool> {
    let target = imports::table.filter(imports::id.eq(id).and(imports::state.eq(ImportState::Held)));
    let changed = (imports::state.eq(ImportState::Queued), imports::confirmed.eq(true), imports::reason.eq(None::<String>));
    Ok(diesel::update(target).set(changed).execute(conn).await? > 0)
}

/// A stored error.
#[derive(Queryable, Selectable)]
#[diesel(table_name = import_errors)]
pub(super) struct ErrorRecord {
    line: i32,
    place: i32,
    pub sheet: String,
    pub row_number: i32,
    column_letter: String,
    header: String,
    pub field: String,
    code: String,
    pub detail: String,
    value: Option<String>,
}

impl From<ErrorRecord> for ImportError {
    fn from(row: ErrorRecord) -> Self {
        ImportError { sheet: row.sheet, row: row.row_number, column: row.column_letter, header: row.header, field: row.field, code: row.code, detail: row.detail, value: row.value }
    }
}

/// What was wrong, in the file's order.
pub(super) async fn errors(conn: &mut Connection, id: Uuid, page: &PageRequest) -> StoreResult<Page<ErrorRecord>> {
    let after = page
        .after
        .as_ref()
        .map(|cursor: &Cursor| cursor.key.split_once('.').and_then(|(line, place)| Some((line.parse::<i32>().ok()?, place.parse::<i32>().ok()?))).ok_or(StoreError::BadCursor))
        .transpose()?;
    let (line, place) = after.unwrap_or((0, 0));
    let rows: Vec<ErrorRecord> = import_errors::table
        .filter(import_errors::import_id.eq(id))
        .filter(import_errors::line.gt(line).or(import_errors::line.eq(line).and(import_errors::place.gt(place))))
        .order((import_errors::line, import_errors::place))
        .limit(page.limit + 1)
        .select(ErrorRecord::as_select())
        .load(conn)
        .await?;
    Ok(page.page(rows, None, |row| (format!("{}.{}", row.line, row.place), id)))
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
    pub mode: ImportMode,
    pub locale: String,
    pub confirmed: bool,
    /// Rows tried when it was taken, then those tried by this worker too.
    pub done: i32,
    pub changed_by_unit: Json<HashMap<Uuid, i64>>,
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
        "update imports set state = 'running', held_until = $1, attempts = attempts + 1 where id = (
             select w.id from imports w
             where w.resource = any($2) and (w.state = 'queued' or (w.state = 'running' and w.held_until < $3))
             order by (select max(coalesce(e.finished_at, e.held_until)) from imports e where e.account_id = w.account_id and e.state <> 'queued') nulls first,
                      w.created_at
             limit 1 for update skip locked)
         returning id, tenant_id, resource, account_id, client, request_id, mode, locale, confirmed, done, changed_by_unit",
    )
    .bind::<sql_types::Timestamptz, _>(now + HELD)
    .bind::<sql_types::Array<sql_types::Text>, _>(resources.to_vec())
    .bind::<sql_types::Timestamptz, _>(now);
    Ok(taken.get_result(conn).await.optional()?)
}

/// Where a row stood in the file, and what its cells said.
pub(super) struct Sent {
    pub sheet: Arc<str>,
    pub number: i32,
    /// In the order of the columns; null where a cell is empty or cannot be read.
    pub cells: Vec<Value>,
    /// The cells that cannot be read, by field.
    pub unread: Vec<(String, String)>,
    /// The columns of its sheet.
    pub columns: Arc<[Place]>,
}

impl Sent {
    /// What a cell said, cut to a length that helps.
    fn said(&self, field: &str) -> Option<String> {
        let unread = self.unread.iter().find(|(unread, _)| unread == field).map(|(_, text)| text.clone());
        let read = || self.columns.iter().zip(&self.cells).find(|(column, value)| column.field == field && !value.is_null());
        let text = unread.or_else(|| read().map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned)))?;
        Some(text.chars().take(200).collect())
    }
}

/// Adds a chunk's results to the job, in the chunk's own transaction; answers how many rows have now been tried, none
/// when the job was taken over: then the chunk must be rolled back.
pub(super) async fn progress(conn: &mut Connection, job: &Job, results: &[RowResult], sent: &HashMap<i32, Sent>, now: DateTime<Utc>) -> StoreResult<Option<i32>> {
    let count = |wanted: fn(&Outcome) -> bool| i32::try_from(results.iter().filter(|result| wanted(&result.outcome)).count()).unwrap_or(i32::MAX);
    let counted: Option<(i32, i32)> = diesel::update(held(job.id, job.done))
        .set((
            imports::done.eq(imports::done + count(|_| true)),
            imports::created.eq(imports::created + count(|outcome| *outcome == Outcome::Created)),
            imports::changed.eq(imports::changed + count(|outcome| matches!(outcome, Outcome::Changed(_)))),
            imports::unchanged.eq(imports::unchanged + count(|outcome| *outcome == Outcome::Unchanged)),
            imports::failed.eq(imports::failed + count(|outcome| matches!(outcome, Outcome::Failed(_)))),
            imports::changed_by_unit.eq(&job.changed_by_unit),
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
            let row = sent.get(&result.line);
            let column = row.and_then(|row| row.columns.iter().find(|column| column.field == error.pointer));
            rows.push((
                import_errors::import_id.eq(job.id),
                import_errors::line.eq(result.line),
                import_errors::place.eq(i32::try_from(place + 1).unwrap_or(i32::MAX)),
                import_errors::sheet.eq(row.map(|row| row.sheet.to_string()).unwrap_or_default()),
                import_errors::row_number.eq(row.map_or(result.line, |row| row.number)),
                import_errors::column_letter.eq(column.map(|column| column.letters.clone()).unwrap_or_default()),
                import_errors::header.eq(column.map(|column| column.header.clone()).unwrap_or_default()),
                import_errors::field.eq(error.pointer.clone()),
                import_errors::code.eq(error.code.clone()),
                import_errors::detail.eq(error.detail.clone()),
                import_errors::value.eq(row.and_then(|row| row.said(&error.pointer))),
            ));
        }
    }
    for part in rows.chunks(1000) {
        diesel::insert_into(import_errors::table).values(part).execute(conn).await?;
    }
    Ok(Some(done))
}

/// Nobody asks back a file without errors.
const FORGET_CLEAN: &str = "
    with clean as (update imports set file = null where id = $1 and state = 'done' and failed = 0 returning id)
    delete from import_parts where import_id in (select id from clean)";

/// How a job ends, or pauses.
pub(super) enum End {
    /// All rows have been tried; after a dry run with the units that the circuit breaker would hold it for.
    Done(Vec<HeldFor>),
    /// It waits to be confirmed.
    Held(Vec<HeldFor>),
    /// It is given up for this reason.
    Failed(String),
}

/// Ends or pauses a job, unless it was taken over. The file stays as long as it can be asked back with its errors.
pub(super) async fn finish(conn: &mut Connection, job: &Job, end: End, now: DateTime<Utc>) -> StoreResult<()> {
    let (state, reason, held_for) = match end {
        End::Done(held_for) => (ImportState::Done, None, held_for),
        End::Held(held_for) => (ImportState::Held, Some("it would change or end more of a unit's records than imports may unasked".to_owned()), held_for),
        End::Failed(reason) => (ImportState::Failed, Some(reason), Vec::new()),
    };
    let finished_at = (state != ImportState::Held).then_some(now);
    diesel::update(held(job.id, job.done))
        .set((
            imports::state.eq(state),
            imports::reason.eq(reason),
            imports::held_for.eq(Json(held_for)),
            imports::finished_at.eq(finished_at),
            imports::held_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    sql_query(FORGET_CLEAN).bind::<sql_types::Uuid, _>(job.id).execute(conn).await?;
    Ok(())
}
