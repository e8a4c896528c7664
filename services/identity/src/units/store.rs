//! Every query on units.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, PgArrayExpressionMethods, QueryDsl, SelectableHelper, pg::Pg};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Action, Record};
use registrar_domain::{EducationLevel, Hierarchy, UnitId, UnitKind};
use registrar_store::{
    Condition, Connection, Keep, Page, PageRequest, StoreError, StoreResult, authored,
    condition::{contains_words, within},
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use uuid::Uuid;

use super::{
    hierarchy,
    model::{UnitColumns, UnitInput, UnitRecord, UnitStatus},
};
use crate::schema::units;

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "identity.unit";

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct UnitFilter {
    /// Words of the name, accents ignored.
    pub name: Option<String>,
    /// The code, exactly.
    pub code: Option<String>,
    /// The kind.
    pub kind: Option<UnitKind>,
    /// The status.
    pub status: Option<UnitStatus>,
    /// The unit and everything below it in a hierarchy on a day.
    pub within: Option<(UnitId, Hierarchy, NaiveDate)>,
    /// Only what stands below this unit in a hierarchy on a day; directly below only when the flag says so.
    pub below: Option<(UnitId, Hierarchy, NaiveDate, bool)>,
    /// One of its education levels.
    pub education_level: Option<EducationLevel>,
}

/// The orders of a list.
pub const SORTS: [&str; 2] = ["name", "code"];

fn below(unit: UnitId, hierarchy: Hierarchy, on: NaiveDate, direct: bool) -> Condition {
    let depth = if direct { "b.depth = 1" } else { "b.depth > 0" };
    Condition::sql(format!("exists (select 1 from unit_ancestors b where b.unit_id = units.id and {depth} and b.hierarchy = '{}' and b.ancestor_id = ", hierarchy.as_str()))
        .uuid(unit.into())
        .and_sql(" and ")
        .date(on)
        .and_sql(" between b.valid_from and b.valid_to)")
}

fn filtered<'a>(access: &Access, filter: &'a UnitFilter) -> units::BoxedQuery<'a, Pg> {
    let mut query = units::table.into_boxed().filter(access.narrow(Action::UnitsRead, &Record::UNIT));
    if let Some(name) = &filter.name {
        query = query.filter(contains_words("units.name_search", name));
    }
    if let Some(code) = &filter.code {
        query = query.filter(units::code.eq(code));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(units::kind.eq(kind.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(units::status.eq(status.as_str()));
    }
    if let Some((unit, hierarchy, on)) = filter.within {
        query = query.filter(within("units.id", unit.into(), hierarchy.as_str(), on));
    }
    if let Some((unit, hierarchy, on, direct)) = filter.below {
        query = query.filter(below(unit, hierarchy, on, direct));
    }
    if let Some(level) = filter.education_level {
        query = query.filter(units::education_levels.contains(vec![level.as_str()]));
    }
    query
}

/// The units the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when no grant of the caller lets them see units at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &UnitFilter, page: &PageRequest) -> StoreResult<Page<UnitRecord>> {
    access.require(Action::UnitsRead)?;
    let by_code = page.sort == "code";
    let column = if by_code { "units.code" } else { "units.name_sort" };
    let mut query = filtered(access, filter).select(UnitRecord::as_select());
    if let Some(after) = page.keyset(column, "units.id") {
        query = query.filter(after);
    }
    query = match (by_code, page.descending) {
        (true, false) => query.order((units::code.asc(), units::id.asc())),
        (true, true) => query.order((units::code.desc(), units::id.desc())),
        (false, false) => query.order((units::name_sort.asc(), units::id.asc())),
        (false, true) => query.order((units::name_sort.desc(), units::id.desc())),
    };
    let rows = page.cut(query).load(conn).await?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |row| (if by_code { row.columns.code.clone() } else { row.columns.name_sort.clone() }, row.id)))
}

/// One unit.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: UnitId) -> StoreResult<UnitRecord> {
    Ok(readable(conn, access, id).await?.0)
}

/// A unit the caller may see, and whether they may also change it.
async fn readable(mut conn: &Connection, access: &Access, id: UnitId) -> StoreResult<(UnitRecord, bool)> {
    access.require(Action::UnitsRead)?;
    Ok(units::table
        .filter(units::id.eq(Uuid::from(id)))
        .filter(access.narrow(Action::UnitsRead, &Record::UNIT))
        .select((UnitRecord::as_select(), access.narrow(Action::UnitsWrite, &Record::UNIT)))
        .first(&mut conn)
        .await?)
}

/// A new unit. Call inside a transaction.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::Conflict`] for a code in use.
pub async fn create(conn: &mut Connection, access: &Access, input: &UnitInput) -> StoreResult<UnitRecord> {
    access.require(Action::UnitsWrite)?;
    input.check()?;
    hierarchy::lock(conn, access.tenant).await?;
    let id = Uuid::now_v7();
    hierarchy::check(conn, access, id, &[], &input.superiors).await?;
    insert(conn, access, id, input).await
}

/// Inserts a unit that was checked.
///
/// # Errors
/// [`StoreError::Conflict`].
pub async fn insert(conn: &mut Connection, access: &Access, id: Uuid, input: &UnitInput) -> StoreResult<UnitRecord> {
    Ok(diesel::insert_into(units::table)
        .values((units::id.eq(id), units::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), authored!(units, &access.author())))
        .returning(UnitRecord::as_returning())
        .get_result(conn)
        .await?)
}

/// Inserts many new units that were checked, each after those above it.
///
/// # Errors
/// [`StoreError::Conflict`].
pub async fn insert_many(conn: &mut Connection, access: &Access, inputs: &[(Uuid, UnitInput)]) -> StoreResult<()> {
    let author = access.author();
    let rows: Vec<_> = inputs.iter().map(|(id, input)| (units::id.eq(*id), units::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), authored!(units, &author))).collect();
    for part in rows.chunks(1000) {
        diesel::insert_into(units::table).values(part).execute(conn).await?;
    }
    Ok(())
}

/// A unit the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: UnitId) -> StoreResult<UnitRecord> {
    access.require_fresh(Action::UnitsWrite)?;
    let (record, may) = readable(conn, access, id).await?;
    if may { Ok(record) } else { Err(StoreError::Forbidden(Action::UnitsWrite.as_str())) }
}

/// Changes a unit from the state in which it was found. What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(conn: &mut Connection, access: &Access, found: UnitRecord, input: &UnitInput) -> StoreResult<UnitRecord> {
    let columns = input.columns();
    if columns == found.columns {
        return Ok(found);
    }
    input.check()?;
    if found.id == found.tenant_id && input.closed_on.is_some() {
        return Err(StoreError::Invalid { pointer: "/closed_on".into(), code: "root_stays_open", detail: "the tenant's root cannot be closed".into() });
    }
    let written = if columns.superiors == found.columns.superiors {
        write(conn, access, &found, columns).await?
    } else {
        let old = found.columns.superiors()?;
        conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
            hierarchy::lock(conn, access.tenant).await?;
            hierarchy::check(conn, access, found.id, &old, &input.superiors).await?;
            write(conn, access, &found, columns.clone()).await
        })
        .await?
    };
    written.ok_or(StoreError::Stale { current: found.version + 1 })
}

async fn write(conn: &mut Connection, access: &Access, found: &UnitRecord, columns: UnitColumns) -> StoreResult<Option<UnitRecord>> {
    let target = units::table.filter(units::id.eq(found.id).and(units::tenant_id.eq(found.tenant_id)).and(units::version.eq(found.version)));
    let statement = diesel::update(target).set((columns, authored!(units, &access.author()))).returning(UnitRecord::as_returning());
    Ok(Keep(statement).get_result(conn).await.optional()?)
}

/// The latest state of the units changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<UnitRecord>> {
    access.require(Action::UnitsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows = units::table
        .filter(access.narrow(Action::UnitsRead, &Record::UNIT))
        .filter(feed::after("units", from))
        .order((units::change_xid, units::change_sequence))
        .limit(limit + 1)
        .select(UnitRecord::as_select())
        .load(conn)
        .await?;
    Ok(feed::page(from, limit, rows, |row| (row.change_xid, row.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: UnitId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id).await?;
    history::entries(conn, AGGREGATE, "units", id.into(), &[]).await
}

/// The tenant's units with these codes, and whether the caller may change each; for an import.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_codes(conn: &mut Connection, access: &Access, codes: &[String]) -> StoreResult<Vec<(UnitRecord, bool)>> {
    Ok(units::table
        .filter(units::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(units::code.eq_any(codes.to_vec()))
        .select((UnitRecord::as_select(), access.narrow(Action::UnitsWrite, &Record::UNIT)))
        .load(conn)
        .await?)
}

/// How many open units each of these tenants has; the caller's own, that is.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_tenant(conn: &mut Connection, access: &Access, tenants: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let own = units::tenant_id.eq(Uuid::from(access.tenant)).and(units::tenant_id.eq_any(tenants)).and(units::status.eq("open"));
    let count: i64 = units::table.filter(own).count().get_result(conn).await?;
    Ok(HashMap::from([(access.tenant.into(), count)]))
}
