//! Every query on grants.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper, pg::Pg, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record, Role};
use registrar_domain::{AccountId, GrantId, UnitId};
use registrar_store::{
    Connection, Page, PageRequest, StoreError, StoreResult, authored,
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use uuid::Uuid;

use super::{
    model::{Change, GrantColumns, GrantInput, GrantRecord, GrantStatus, NewGrant},
    rule::{self, Given, HeldGrant},
};
use crate::schema::{accounts, grants};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "identity.grant";

/// Where a grant row keeps what grants speak of: the unit it is given in.
const RECORD: Record = Record { tenant: "grants.tenant_id", unit: "grants.unit_id", level: None, class: None, placed: true };

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct GrantFilter {
    /// Who holds it.
    pub account: Option<AccountId>,
    /// The unit it is given in.
    pub unit: Option<UnitId>,
    /// The role.
    pub role: Option<Role>,
    /// The status.
    pub status: Option<GrantStatus>,
    /// Those that hold on this day.
    pub on: Option<NaiveDate>,
}

/// The orders of a list: as they were given.
pub const SORTS: [&str; 1] = ["given"];

fn filtered<'a>(access: &Access, filter: &GrantFilter) -> grants::BoxedQuery<'a, Pg> {
    let mut query = grants::table.into_boxed().filter(access.narrow(Action::GrantsRead, &RECORD));
    if let Some(account) = filter.account {
        query = query.filter(grants::account_id.eq(Uuid::from(account)));
    }
    if let Some(unit) = filter.unit {
        query = query.filter(grants::unit_id.eq(Uuid::from(unit)));
    }
    if let Some(role) = filter.role {
        query = query.filter(grants::role.eq(role.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(grants::status.eq(status.as_str()));
    }
    if let Some(on) = filter.on {
        query = query.filter(grants::status.eq(GrantStatus::Active.as_str())).filter(grants::valid_from.le(on));
        query = query.filter(grants::valid_until.is_null().or(grants::valid_until.ge(on)));
    }
    query
}

/// The grants the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when no grant of the caller lets them see grants at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &GrantFilter, page: &PageRequest) -> StoreResult<Page<GrantRecord>> {
    access.require(Action::GrantsRead)?;
    let mut query = filtered(access, filter).select(GrantRecord::as_select());
    // Ids grow with time: the key of the order is the id itself.
    if let Some(after) = &page.after {
        query = if page.descending { query.filter(grants::id.lt(after.id)) } else { query.filter(grants::id.gt(after.id)) };
    }
    query = if page.descending { query.order(grants::id.desc()) } else { query.order(grants::id.asc()) };
    let rows = page.cut(query).load(conn).await?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |row| (String::new(), row.id)))
}

/// One grant.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: GrantId) -> StoreResult<GrantRecord> {
    Ok(readable(conn, access, id).await?.0)
}

async fn readable(mut conn: &Connection, access: &Access, id: GrantId) -> StoreResult<(GrantRecord, bool)> {
    access.require(Action::GrantsRead)?;
    Ok(grants::table
        .filter(grants::id.eq(Uuid::from(id)))
        .filter(access.narrow(Action::GrantsRead, &RECORD))
        .select((GrantRecord::as_select(), access.narrow(Action::GrantsWrite, &RECORD)))
        .first(&mut conn)
        .await?)
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = sql_types::Text)]
    role: String,
    #[diesel(sql_type = sql_types::Text)]
    hierarchy: String,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    education_levels: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Uuid>)]
    class_ids: Vec<Uuid>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    valid_until: Option<NaiveDate>,
    #[diesel(sql_type = sql_types::Bool)]
    in_root: bool,
    #[diesel(sql_type = sql_types::Bool)]
    above: bool,
}

/// The caller's grants of today, and how each stands to a unit: also how long the unit stays below.
const HELD: &str = "
    select g.role, g.hierarchy, g.education_levels, g.class_ids, g.unit_id = g.tenant_id as in_root, a.valid_to is not null as above,
           nullif(least(g.valid_until, u.closed_on, case when g.unit_id <> g.tenant_id then a.valid_to end), 'infinity') as valid_until
    from grants g join units u on u.id = g.unit_id
    left join lateral (
        select max(valid_to) as valid_to from unit_ancestors
        where unit_id = $3 and hierarchy = g.hierarchy and ancestor_id = g.unit_id and $4 between valid_from and valid_to) a on true
    where g.account_id = $1 and g.tenant_id = $2 and g.status = 'active' and $4 between g.valid_from and least(g.valid_until, u.closed_on, 'infinity')";

async fn held(conn: &mut Connection, access: &Access, unit: Uuid) -> StoreResult<Vec<HeldGrant>> {
    let rows: Vec<Held> = sql_query(HELD)
        .bind::<sql_types::Uuid, _>(Uuid::from(access.account))
        .bind::<sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<sql_types::Uuid, _>(unit)
        .bind::<sql_types::Date, _>(access.today)
        .load(conn)
        .await?;
    let broken = || StoreError::Broken("the stored grant does not keep today's rules");
    rows.into_iter()
        .map(|row| {
            let given = Given {
                role: row.role.parse().map_err(|_| broken())?,
                hierarchy: row.hierarchy.parse().map_err(|_| broken())?,
                education_levels: row.education_levels.join(";").parse().map_err(|_| broken())?,
                class_ids: row.class_ids,
                valid_until: row.valid_until,
            };
            Ok(HeldGrant { given, in_root: row.in_root, above: row.above })
        })
        .collect()
}

/// Refuses to give, in `unit`, what the caller does not hold.
async fn holds(conn: &mut Connection, access: &Access, unit: Uuid, given: &Given) -> StoreResult<()> {
    match rule::beyond(&held(conn, access, unit).await?, given) {
        Some(action) => Err(StoreError::Forbidden(action.as_str())),
        None => Ok(()),
    }
}

/// Refuses unless the caller could hand on every grant that `account` holds today or will: whoever sets a password
/// could use them all. One's own account is one's own.
///
/// # Errors
/// [`StoreError::Forbidden`].
pub async fn holds_all_of(conn: &mut Connection, access: &Access, account: Uuid) -> StoreResult<()> {
    if account == Uuid::from(access.account) {
        return Ok(());
    }
    let theirs: Vec<GrantColumns> = grants::table
        .filter(grants::account_id.eq(account))
        .filter(grants::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(grants::status.eq(GrantStatus::Active.as_str()))
        .filter(grants::valid_until.is_null().or(grants::valid_until.ge(access.today)))
        .select(GrantColumns::as_select())
        .load(conn)
        .await?;
    for grant in theirs {
        holds(conn, access, grant.unit_id, &grant.given()?).await?;
    }
    Ok(())
}

/// The grants of these accounts in units where the caller may see grants, in the order in which they were given, and
/// whether the caller may change each.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn of_accounts(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<Vec<(GrantRecord, bool)>> {
    Ok(grants::table
        .filter(grants::account_id.eq_any(ids))
        .filter(access.narrow(Action::GrantsRead, &RECORD))
        .order(grants::id)
        .select((GrantRecord::as_select(), access.narrow(Action::GrantsWrite, &RECORD)))
        .load(conn)
        .await?)
}

/// How many grants that have not ended these units have.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = grants::table
        .filter(grants::tenant_id.eq(Uuid::from(access.tenant)).and(grants::unit_id.eq_any(units)).and(grants::status.eq(GrantStatus::Active.as_str())))
        .group_by(grants::unit_id)
        .select((grants::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// A new grant. Call inside a transaction.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::NotYetKnown`] for a unit that is not known, [`StoreError::Forbidden`] for more
/// than the caller holds.
pub async fn create(conn: &mut Connection, access: &Access, new: &NewGrant) -> StoreResult<GrantRecord> {
    access.require(Action::GrantsWrite)?;
    let refuse = |pointer: &str, code: &'static str, detail: &str| Err(StoreError::Invalid { pointer: pointer.into(), code, detail: detail.into() });
    if new.account_id == access.account {
        return refuse("/account_id", "own_account", "nobody gives a grant to himself");
    }
    let columns = new.columns(access.today)?;
    let known: Option<String> = accounts::table
        .filter(accounts::id.eq(columns.account_id))
        .filter(accounts::tenant_id.eq(Uuid::from(access.tenant)))
        .select(accounts::status)
        .first(conn)
        .await
        .optional()?;
    match known.as_deref() {
        Some("active") => {}
        Some(_) => return refuse("/account_id", "account_disabled", "the account is disabled"),
        None => return refuse("/account_id", "unknown_account", "no account of this id"),
    }
    access.in_unit(conn, Action::GrantsWrite, new.unit_id, None).await?;
    holds(conn, access, columns.unit_id, &columns.given()?).await?;
    Ok(diesel::insert_into(grants::table)
        .values((
            grants::id.eq(Uuid::now_v7()),
            grants::tenant_id.eq(Uuid::from(access.tenant)),
            columns,
            grants::given_by.eq(Uuid::from(access.account)),
            authored!(grants, &access.author()),
        ))
        .returning(GrantRecord::as_returning())
        .get_result(conn)
        .await?)
}

/// A grant the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: GrantId) -> StoreResult<GrantRecord> {
    access.require_fresh(Action::GrantsWrite)?;
    let (record, may) = readable(conn, access, id).await?;
    if may { Ok(record) } else { Err(StoreError::Forbidden(Action::GrantsWrite.as_str())) }
}

/// Ends a grant, or moves its end. What was given may be taken back by whoever gave it, and by whoever could give it;
/// it may be given for longer by whoever could give it, not by its holder.
///
/// # Errors
/// [`StoreError::State`] once it has ended; those of [`create`]; [`StoreError::Stale`].
pub async fn update(conn: &mut Connection, access: &Access, found: GrantRecord, input: &GrantInput) -> StoreResult<GrantRecord> {
    if *input == found.columns.to_input()? {
        return Ok(found);
    }
    let caller = Uuid::from(access.account);
    let wanted = Given { valid_until: input.valid_until, ..found.columns.given()? };
    match found.columns.change(input)? {
        Change::Longer if found.columns.account_id == caller => {
            return Err(StoreError::Invalid { pointer: "/valid_until".into(), code: "own_account", detail: "nobody gives a grant to himself".into() });
        }
        Change::Longer => holds(conn, access, found.columns.unit_id, &wanted).await?,
        Change::Shorter if found.given_by == caller || found.columns.account_id == caller => {}
        Change::Shorter => {
            // When one's own grant ends does not matter for what is taken back.
            holds(conn, access, found.columns.unit_id, &Given { valid_until: Some(access.today), ..wanted }).await?;
        }
    }
    let target = grants::table.filter(grants::id.eq(found.id).and(grants::tenant_id.eq(found.tenant_id)).and(grants::version.eq(found.version)));
    let set = (grants::valid_until.eq(input.valid_until), grants::status.eq(input.status.as_str()), authored!(grants, &access.author()));
    let written = diesel::update(target).set(set).returning(GrantRecord::as_returning()).get_result(conn).await.optional()?;
    written.ok_or(StoreError::Stale { current: found.version + 1 })
}

/// The latest state of the grants changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<GrantRecord>> {
    access.require(Action::GrantsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows = grants::table
        .filter(access.narrow(Action::GrantsRead, &RECORD))
        .filter(feed::after("grants", from))
        .order((grants::change_xid, grants::change_sequence))
        .limit(limit + 1)
        .select(GrantRecord::as_select())
        .load(conn)
        .await?;
    Ok(feed::page(from, limit, rows, |row| (row.change_xid, row.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: GrantId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id).await?;
    history::entries(conn, AGGREGATE, "grants", id.into(), &[]).await
}
