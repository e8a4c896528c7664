//! Every query on school years.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, pg::Pg};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record};
use registrar_domain::SchoolYearId;
use registrar_store::{
    Connection, Keep, Page, PageRequest, StoreError, StoreResult, authored,
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use uuid::Uuid;

use super::model::{SchoolYearColumns, SchoolYearInput, SchoolYearRecord};
use crate::schema::school_years;

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "students.school_year";

/// A school year belongs to the tenant's root unit. Only for writing: everybody with a role in the tenant may read it.
const RECORD: Record = Record { tenant: "school_years.tenant_id", unit: "school_years.tenant_id", level: None, class: None, placed: false };

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct SchoolYearFilter {
    /// The code, exactly.
    pub code: Option<String>,
    /// Those that contain this day.
    pub on: Option<NaiveDate>,
}

/// The orders of a list.
pub const SORTS: [&str; 1] = ["code"];

fn filtered<'a>(access: &Access, filter: &'a SchoolYearFilter) -> school_years::BoxedQuery<'a, Pg> {
    let mut query = school_years::table.into_boxed().filter(school_years::tenant_id.eq(Uuid::from(access.tenant)));
    if let Some(code) = &filter.code {
        query = query.filter(school_years::code.eq(code));
    }
    if let Some(on) = filter.on {
        query = query.filter(school_years::starts_on.le(on).and(school_years::ends_on.ge(on)));
    }
    query
}

/// The school years of the tenant, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when no grant of the caller lets them see school years at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &SchoolYearFilter, page: &PageRequest) -> StoreResult<Page<SchoolYearRecord>> {
    access.require(Action::SchoolYearsRead)?;
    let mut query = filtered(access, filter).select(SchoolYearRecord::as_select());
    if let Some(after) = page.keyset("school_years.code", "school_years.id") {
        query = query.filter(after);
    }
    query = if page.descending { query.order((school_years::code.desc(), school_years::id.desc())) } else { query.order((school_years::code.asc(), school_years::id.asc())) };
    let rows = page.cut(query).load(conn).await?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |row| (row.columns.code.clone(), row.id)))
}

/// One school year.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find(conn: &Connection, access: &Access, id: SchoolYearId) -> StoreResult<SchoolYearRecord> {
    Ok(readable(conn, access, id).await?.0)
}

/// A school year, and whether the caller may also change it.
async fn readable(mut conn: &Connection, access: &Access, id: SchoolYearId) -> StoreResult<(SchoolYearRecord, bool)> {
    access.require(Action::SchoolYearsRead)?;
    Ok(school_years::table
        .filter(school_years::id.eq(Uuid::from(id)))
        .filter(school_years::tenant_id.eq(Uuid::from(access.tenant)))
        .select((SchoolYearRecord::as_select(), access.narrow(Action::SchoolYearsWrite, &RECORD)))
        .first(&mut conn)
        .await?)
}

/// A new school year.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::Conflict`] for a code in use.
pub async fn create(conn: &mut Connection, access: &Access, input: &SchoolYearInput) -> StoreResult<SchoolYearRecord> {
    access.require(Action::SchoolYearsWrite)?;
    if !access.reaches_whole_tenant(Action::SchoolYearsWrite) {
        return Err(StoreError::Forbidden(Action::SchoolYearsWrite.as_str()));
    }
    input.check()?;
    Ok(diesel::insert_into(school_years::table)
        .values((school_years::id.eq(Uuid::now_v7()), school_years::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), authored!(school_years, &access.author())))
        .returning(SchoolYearRecord::as_returning())
        .get_result(conn)
        .await?)
}

/// A school year the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: SchoolYearId) -> StoreResult<SchoolYearRecord> {
    access.require_fresh(Action::SchoolYearsWrite)?;
    let (record, may) = readable(conn, access, id).await?;
    if may { Ok(record) } else { Err(StoreError::Forbidden(Action::SchoolYearsWrite.as_str())) }
}

/// Changes a school year from the state in which it was found. What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(conn: &mut Connection, access: &Access, found: SchoolYearRecord, input: &SchoolYearInput) -> StoreResult<SchoolYearRecord> {
    let columns = input.columns();
    if columns == found.columns {
        return Ok(found);
    }
    input.check()?;
    write(conn, access, &found, columns).await?.ok_or(StoreError::Stale { current: found.version + 1 })
}

async fn write(conn: &mut Connection, access: &Access, found: &SchoolYearRecord, columns: SchoolYearColumns) -> StoreResult<Option<SchoolYearRecord>> {
    let target = school_years::table.filter(school_years::id.eq(found.id).and(school_years::tenant_id.eq(found.tenant_id)).and(school_years::version.eq(found.version)));
    let statement = diesel::update(target).set((columns, authored!(school_years, &access.author()))).returning(SchoolYearRecord::as_returning());
    Ok(Keep(statement).get_result(conn).await.optional()?)
}

/// The latest state of the school years changed after a cursor.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<SchoolYearRecord>> {
    access.require(Action::SchoolYearsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows = school_years::table
        .filter(school_years::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(feed::after("school_years", from))
        .order((school_years::change_xid, school_years::change_sequence))
        .limit(limit + 1)
        .select(SchoolYearRecord::as_select())
        .load(conn)
        .await?;
    Ok(feed::page(from, limit, rows, |row| (row.change_xid, row.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: SchoolYearId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id).await?;
    history::entries(conn, AGGREGATE, "school_years", id.into(), &[]).await
}

/// The school years with these codes, for imports.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_codes(conn: &mut Connection, access: &Access, codes: Vec<String>) -> StoreResult<HashMap<String, Uuid>> {
    let rows: Vec<(String, Uuid)> = school_years::table
        .filter(school_years::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(school_years::code.eq_any(codes))
        .select((school_years::code, school_years::id))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The school years with these codes, for imports, which lock them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn to_change_by_codes(conn: &mut Connection, access: &Access, codes: Vec<String>) -> StoreResult<Vec<SchoolYearRecord>> {
    let of_tenant = school_years::table.filter(school_years::tenant_id.eq(Uuid::from(access.tenant)).and(school_years::code.eq_any(codes)));
    Ok(of_tenant.order(school_years::id).select(SchoolYearRecord::as_select()).for_no_key_update().load(conn).await?)
}

/// How many school years the tenant has.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count(conn: &mut Connection, access: &Access) -> StoreResult<i64> {
    Ok(school_years::table.filter(school_years::tenant_id.eq(Uuid::from(access.tenant))).count().get_result(conn).await?)
}

/// The codes of these school years.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn codes(conn: &mut Connection, access: &Access, ids: BTreeSet<Uuid>) -> StoreResult<HashMap<Uuid, String>> {
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let rows: Vec<(Uuid, String)> = school_years::table
        .filter(school_years::tenant_id.eq(Uuid::from(access.tenant)).and(school_years::id.eq_any(ids)))
        .select((school_years::id, school_years::code))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
