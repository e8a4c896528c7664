//! Every query that reads staff, and what a caller may see.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper,
    dsl::sql,
    pg::Pg,
    sql_types::{Nullable, Text},
};
use diesel_async::RunQueryDsl;
use futures_util::future::try_join;
use registrar_access::{Access, Action, Record};
use registrar_codes::fields::ContractForm;
use registrar_domain::{EducationLevel, Hierarchy, IdentityStatus, StaffId, UnitId};
use registrar_store::{
    Condition, Connection, Page, PageRequest, StoreError, StoreResult,
    condition::{contains_words, within},
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use uuid::Uuid;

use super::{
    model::{StaffRecord, StaffStatus, StaffSummary},
    position::Position,
};
use crate::schema::{secondary_employments, staff};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "personnel.staff";

/// Where a staff row keeps what grants speak of.
const RECORD: Record = Record { tenant: "staff.tenant_id", unit: "staff.unit_id", level: Some("staff.education_level"), class: None, placed: true };

/// Fields that only those with the right to them see, each time logged.
const SENSITIVE: [&str; 8] = ["personal_number", "phone", "email", "ethnic_group", "religion", "family_priority", "own_priority", "identifiers"];

/// Where a secondary employment keeps what grants speak of.
const SECONDARY: Record = Record { tenant: "secondary_employments.tenant_id", unit: "secondary_employments.unit_id", level: None, class: None, placed: true };

/// What a list is narrowed by.
#[derive(Debug, Default, PartialEq)]
pub struct StaffFilter {
    /// Words of the name, accents ignored.
    pub name: Option<String>,
    /// The code, exactly.
    pub code: Option<String>,
    /// The unit of the primary employment itself.
    pub unit: Option<UnitId>,
    /// The unit of any employment that lasts today.
    pub employed_in: Option<UnitId>,
    /// The unit and everything below it today.
    pub within: Option<(UnitId, Hierarchy)>,
    /// The status.
    pub status: Option<StaffStatus>,
    /// The position.
    pub position: Option<Position>,
    /// The education level.
    pub education_level: Option<EducationLevel>,
    /// The contract form.
    pub contract_form: Option<ContractForm>,
    /// Whether the personal number has been verified.
    pub identity_status: Option<IdentityStatus>,
    /// Only the records whose sensitive fields the caller may see.
    pub sensitive: bool,
}

/// The orders of a list.
pub const SORTS: [&str; 2] = ["name", "code"];

/// The condition that the caller may see a record: at the unit of its primary employment, or at another where the
/// person works today.
fn visible(access: &Access) -> Condition {
    let primary = access.narrow(Action::StaffRead, &RECORD);
    if access.reaches_whole_tenant(Action::StaffRead) {
        return primary;
    }
    // An array, so that the planner may look up both sides of the "or" in their indexes.
    let secondary = Condition::sql("staff.id = any(array(select staff_id from secondary_employments where ")
        .date(access.today)
        .and_sql(" between secondary_employments.started_on and secondary_employments.ended_on and ")
        .followed_by(access.narrow(Action::StaffRead, &SECONDARY))
        .and_sql("))");
    primary.or(secondary)
}

/// Reads the rows of a list with `load`, and answers by which condition. Of a caller of few units it is asked at the same
/// time who works there besides, since hardly anybody does: the rows of a unit come in the order of an index.
async fn listed<R, F: Future<Output = StoreResult<Vec<R>>>>(conn: &Connection, access: &Access, load: impl Fn(Condition) -> F) -> StoreResult<(Vec<R>, Condition)> {
    if !access.reaches_few_units(Action::StaffRead) {
        return Ok((load(visible(access)).await?, visible(access)));
    }
    let primary = access.narrow(Action::StaffRead, &RECORD);
    let (rows, besides) = try_join(load(primary.clone()), employed_besides(conn, access)).await?;
    if besides.is_empty() {
        return Ok((rows, primary));
    }
    let both = primary.or(Condition::sql("staff.id = any(").uuids(Arc::new(besides)).and_sql(")"));
    Ok((load(both.clone()).await?, both))
}

/// Who works today in the caller's units by a secondary employment.
async fn employed_besides(mut conn: &Connection, access: &Access) -> StoreResult<Vec<Uuid>> {
    let today = secondary_employments::started_on.le(access.today).and(secondary_employments::ended_on.ge(access.today));
    let besides = secondary_employments::table.filter(access.narrow(Action::StaffRead, &SECONDARY)).filter(today);
    Ok(besides.select(secondary_employments::staff_id).load(&mut conn).await?)
}

fn employed_in(unit: UnitId, access: &Access) -> Condition {
    Condition::sql("(staff.unit_id = ")
        .uuid(unit.into())
        .and_sql(" or staff.id = any(array(select e.staff_id from secondary_employments e where e.tenant_id = ")
        .uuid(access.tenant.into())
        .and_sql(" and e.unit_id = ")
        .uuid(unit.into())
        .and_sql(" and ")
        .date(access.today)
        .and_sql(" between e.started_on and e.ended_on)))")
}

fn filtered<'a>(access: &Access, visible: Condition, filter: &'a StaffFilter) -> staff::BoxedQuery<'a, Pg> {
    let mut query = staff::table.into_boxed().filter(staff::tenant_id.eq(Uuid::from(access.tenant))).filter(visible);
    if filter.sensitive {
        query = query.filter(access.narrow(Action::StaffReadSensitive, &RECORD));
    }
    if let Some(name) = &filter.name {
        query = query.filter(contains_words("staff.name_search", name));
    }
    if let Some(code) = &filter.code {
        query = query.filter(staff::code.eq(code));
    }
    if let Some(unit) = filter.unit {
        query = query.filter(staff::unit_id.eq(Uuid::from(unit)));
    }
    if let Some(unit) = filter.employed_in {
        query = query.filter(employed_in(unit, access));
    }
    if let Some((unit, hierarchy)) = filter.within {
        query = query.filter(within("staff.unit_id", unit.into(), hierarchy.as_str(), access.today));
    }
    if let Some(status) = filter.status {
        query = query.filter(staff::status.eq(status.as_str()));
    }
    if let Some(position) = filter.position {
        query = query.filter(staff::position.eq(position.as_str()));
    }
    if let Some(level) = filter.education_level {
        query = query.filter(staff::education_level.eq(level.as_str()));
    }
    if let Some(form) = &filter.contract_form {
        query = query.filter(staff::contract_form.eq(form));
    }
    if let Some(status) = filter.identity_status {
        query = query.filter(staff::identity_status.eq(status.as_str()));
    }
    query
}

/// The records the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when no grant of the caller lets them see staff at all.
pub async fn list(conn: &Connection, access: &Access, filter: &StaffFilter, page: &PageRequest) -> StoreResult<Page<StaffRecord>> {
    access.require(Action::StaffRead)?;
    let page = &page.steady_if(is_steady(access, filter));
    let load = |visible| {
        let query = page.cut(ordered(access, visible, filter, page).select(StaffRecord::as_select()));
        async move { Ok(query.load(&mut { conn }).await?) }
    };
    let (rows, visible) = listed(conn, access, load).await?;
    let total = counted(conn, access, visible, filter, page).await?;
    let by_code = page.sort == "code";
    Ok(page.page(rows, total, |row: &StaffRecord| (if by_code { row.columns.code.clone() } else { row.columns.name_sort.clone() }, row.id)))
}

/// The same page in the summary view, for which a seventh of the columns is read.
///
/// # Errors
/// [`StoreError::Forbidden`] when no grant of the caller lets them see staff at all.
pub async fn summaries(conn: &Connection, access: &Access, filter: &StaffFilter, page: &PageRequest) -> StoreResult<Page<StaffSummary>> {
    access.require(Action::StaffRead)?;
    let page = &page.steady_if(is_steady(access, filter));
    // What is not shown is read only where the next page starts from it.
    let unshown = sql::<Nullable<Text>>(if page.sort == "code" { "null" } else { "staff.name_sort" });
    let load = |visible| {
        let query = page.cut(ordered(access, visible, filter, page).select((StaffSummary::as_select(), unshown.clone())));
        async move { Ok(query.load(&mut { conn }).await?) }
    };
    let (rows, visible) = listed(conn, access, load).await?;
    let total = counted(conn, access, visible, filter, page).await?;
    let key = |(row, name_sort): &(StaffSummary, Option<String>)| (name_sort.clone().unwrap_or_else(|| row.code.to_string()), row.id);
    Ok(page.page(rows, total, key).map(|(row, _)| row))
}

/// All records of a list, where the count is asked for.
async fn counted(mut conn: &Connection, access: &Access, visible: Condition, filter: &StaffFilter, page: &PageRequest) -> StoreResult<Option<i64>> {
    Ok(if page.count { Some(filtered(access, visible, filter).count().get_result(&mut conn).await?) } else { None })
}

/// Whether nearly every row met in the order of an index is shown: then a page is soon read.
#[must_use]
pub fn is_steady(access: &Access, filter: &StaffFilter) -> bool {
    access.reaches_most_or_one(Action::StaffRead, &RECORD) && *filter == StaffFilter { unit: filter.unit, ..StaffFilter::default() }
}

/// The rows of a list, in its order from the page's start.
fn ordered<'a>(access: &Access, visible: Condition, filter: &'a StaffFilter, page: &PageRequest) -> staff::BoxedQuery<'a, Pg> {
    let mut query = filtered(access, visible, filter);
    let by_code = page.sort == "code";
    if let Some(after) = if by_code { page.keyset_of_unique("staff.code") } else { page.keyset("staff.name_sort", "staff.id") } {
        query = query.filter(after);
    }
    match (by_code, page.descending) {
        (true, false) => query.order(staff::code.asc()),
        (true, true) => query.order(staff::code.desc()),
        (_, false) => query.order((staff::name_sort.asc(), staff::id.asc())),
        (_, true) => query.order((staff::name_sort.desc(), staff::id.desc())),
    }
}

/// One record.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(mut conn: &Connection, access: &Access, id: StaffId) -> StoreResult<StaffRecord> {
    access.require(Action::StaffRead)?;
    Ok(one(access, id).select(StaffRecord::as_select()).first(&mut conn).await?)
}

/// The version of one record, and when it came about.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn version(mut conn: &Connection, access: &Access, id: StaffId) -> StoreResult<(i64, DateTime<Utc>)> {
    access.require(Action::StaffRead)?;
    Ok(one(access, id).select((staff::version, staff::changed_at)).first(&mut conn).await?)
}

/// One record with its sensitive fields, which is logged.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`] when the caller may see the record without them only.
pub async fn find_sensitive(conn: &mut Connection, access: &Access, id: StaffId) -> StoreResult<StaffRecord> {
    access.require_fresh(Action::StaffReadSensitive)?;
    let (record, may) = readable(conn, access, id, Action::StaffReadSensitive).await?;
    if !may {
        return Err(StoreError::Forbidden(Action::StaffReadSensitive.as_str()));
    }
    log_read(conn, access, vec![record.id]).await?;
    Ok(record)
}

/// Notes that the sensitive fields of these records are read.
///
/// # Errors
/// [`StoreError::AuthorityStale`]; otherwise only when the database cannot be asked.
pub async fn log_read(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<()> {
    access.require_fresh(Action::StaffReadSensitive)?;
    access.log_read(conn, AGGREGATE, ids, &SENSITIVE).await
}

/// A record the caller may see, and whether they may also do `action` with it.
async fn readable(mut conn: &Connection, access: &Access, id: StaffId, action: Action) -> StoreResult<(StaffRecord, bool)> {
    access.require(Action::StaffRead)?;
    Ok(one(access, id).select((StaffRecord::as_select(), access.narrow(action, &RECORD))).first(&mut conn).await?)
}

fn one(access: &Access, id: StaffId) -> staff::BoxedQuery<'static, Pg> {
    staff::table.into_boxed().filter(staff::id.eq(Uuid::from(id)).and(staff::tenant_id.eq(Uuid::from(access.tenant)))).filter(visible(access))
}

/// A record the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &Connection, access: &Access, id: StaffId) -> StoreResult<StaffRecord> {
    access.require_fresh(Action::StaffWrite)?;
    let (record, may) = readable(conn, access, id, Action::StaffWrite).await?;
    if may { Ok(record) } else { Err(StoreError::Forbidden(Action::StaffWrite.as_str())) }
}

/// The latest state of the records changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<StaffRecord>> {
    access.require(Action::StaffRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows = staff::table
        .filter(staff::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access))
        .filter(feed::after("staff", from))
        .order((staff::change_xid, staff::change_sequence))
        .limit(limit + 1)
        .select(StaffRecord::as_select())
        .load(conn)
        .await?;
    Ok(feed::page(from, limit, rows, |row| (row.change_xid, row.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: StaffId) -> StoreResult<Vec<HistoryEntry>> {
    let (_, may) = readable(conn, access, id, Action::StaffReadSensitive).await?;
    let sensitive = may && access.require_fresh(Action::StaffReadSensitive).is_ok();
    let hidden: &[&str] = if sensitive { &[] } else { &SENSITIVE };
    if sensitive {
        log_read(conn, access, vec![id.into()]).await?;
    }
    history::entries(conn, AGGREGATE, "staff", id.into(), hidden).await
}

/// The records with these codes, and whether the caller may change them; for imports, which lock them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_codes(conn: &mut Connection, access: &Access, codes: &[String]) -> StoreResult<Vec<(StaffRecord, bool)>> {
    Ok(staff::table
        .filter(staff::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(staff::code.eq_any(codes.to_vec()))
        .order(staff::id)
        .select((StaffRecord::as_select(), access.narrow(Action::StaffWrite, &RECORD)))
        .for_no_key_update()
        .load(conn)
        .await?)
}

/// The personal numbers among these that are in use, with the code of the record that has each.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn personal_numbers_in_use(conn: &mut Connection, access: &Access, numbers: &[String]) -> StoreResult<Vec<(String, String)>> {
    let rows: Vec<(Option<String>, String)> = staff::table
        .filter(staff::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(staff::personal_number.eq_any(numbers.to_vec()))
        .select((staff::personal_number, staff::code))
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter_map(|(number, code)| Some((number?, code))).collect())
}

/// How many records that have not ended each of these units has.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = staff::table
        .filter(staff::tenant_id.eq(Uuid::from(access.tenant)).and(staff::unit_id.eq_any(units)).and(staff::status.ne("ended")))
        .group_by(staff::unit_id)
        .select((staff::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
