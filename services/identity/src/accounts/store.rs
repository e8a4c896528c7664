//! Every query on accounts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, pg::Pg, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Action, Record};
use registrar_domain::{AccountId, Hierarchy, PersonName, StaffId, UnitId};
use registrar_store::{
    Computed, Condition, Connection, Page, PageRequest, StoreError, StoreResult, authored,
    condition::{contains_words, within},
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use uuid::Uuid;

use super::{
    credentials,
    model::{AccountInput, AccountRecord, AccountStatus, NewAccount, username_key, withdrawn},
};
use crate::{
    grants,
    schema::{accounts, credentials as credentials_table, staff_names},
    sessions,
};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "identity.account";

/// Where an account row keeps what grants speak of.
pub(super) const RECORD: Record = Record { tenant: "accounts.tenant_id", unit: "accounts.unit_id", level: None, class: None, placed: true };

/// An account with its username.
pub type Named = (AccountRecord, String);

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct AccountFilter {
    /// Words of the display name, accents ignored.
    pub name: Option<String>,
    /// The username, whatever its case.
    pub username: Option<String>,
    /// The home unit itself.
    pub unit: Option<UnitId>,
    /// The home unit is this one or below it today.
    pub within: Option<(UnitId, Hierarchy)>,
    /// The staff record behind it.
    pub staff: Option<StaffId>,
    /// The status.
    pub status: Option<AccountStatus>,
}

/// The orders of a list.
pub const SORTS: [&str; 1] = ["name"];

fn username() -> Computed<sql_types::Text> {
    Computed::sql("(select c.username from credentials c where c.account_id = accounts.id)")
}

fn filtered<'a>(access: &Access, filter: &'a AccountFilter) -> accounts::BoxedQuery<'a, Pg> {
    let mut query = accounts::table.into_boxed().filter(access.narrow(Action::AccountsRead, &RECORD));
    if let Some(name) = &filter.name {
        query = query.filter(contains_words("accounts.name_search", name));
    }
    if let Some(username) = &filter.username {
        let named = Condition::sql("exists (select 1 from credentials c where c.account_id = accounts.id and c.username_key = ").text(username_key(username)).and_sql(")");
        query = query.filter(named);
    }
    if let Some(unit) = filter.unit {
        query = query.filter(accounts::unit_id.eq(Uuid::from(unit)));
    }
    if let Some((unit, hierarchy)) = filter.within {
        query = query.filter(within("accounts.unit_id", unit.into(), hierarchy.as_str(), access.today));
    }
    if let Some(staff) = filter.staff {
        query = query.filter(accounts::staff_id.eq(Uuid::from(staff)));
    }
    if let Some(status) = filter.status {
        query = query.filter(accounts::status.eq(status.as_str()));
    }
    query
}

/// The accounts the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when no grant of the caller lets them see accounts at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &AccountFilter, page: &PageRequest) -> StoreResult<Page<Named>> {
    access.require(Action::AccountsRead)?;
    let mut query = filtered(access, filter).select((AccountRecord::as_select(), username()));
    if let Some(after) = page.keyset("accounts.name_sort", "accounts.id") {
        query = query.filter(after);
    }
    query = if page.descending { query.order((accounts::name_sort.desc(), accounts::id.desc())) } else { query.order((accounts::name_sort.asc(), accounts::id.asc())) };
    let rows: Vec<Named> = page.cut(query).load(conn).await?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |(row, _)| (row.columns.name_sort.clone(), row.id)))
}

/// One account.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: AccountId) -> StoreResult<Named> {
    Ok(readable(conn, access, id).await?.0)
}

async fn readable(mut conn: &Connection, access: &Access, id: AccountId) -> StoreResult<(Named, bool)> {
    access.require(Action::AccountsRead)?;
    let (record, username, may) = accounts::table
        .filter(accounts::id.eq(Uuid::from(id)))
        .filter(access.narrow(Action::AccountsRead, &RECORD))
        .select((AccountRecord::as_select(), username(), access.narrow(Action::AccountsWrite, &RECORD)))
        .first(&mut conn)
        .await?;
    Ok(((record, username), may))
}

/// The accounts with these keys of usernames (see [`username_key`]), by them, and whether the caller may change them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_username_keys(conn: &mut Connection, access: &Access, keys: Vec<String>) -> StoreResult<HashMap<String, (Named, bool)>> {
    let tenant = Uuid::from(access.tenant);
    let named = credentials_table::table.filter(credentials_table::tenant_id.eq(tenant).and(credentials_table::username_key.eq_any(keys))).select(credentials_table::account_id);
    let rows: Vec<(AccountRecord, String, bool)> = accounts::table
        .filter(accounts::tenant_id.eq(tenant).and(accounts::id.eq_any(named)))
        .select((AccountRecord::as_select(), username(), access.narrow(Action::AccountsWrite, &RECORD)))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(record, username, may)| (username_key(&username), ((record, username), may))).collect())
}

/// How many accounts in use these units have.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = accounts::table
        .filter(accounts::tenant_id.eq(Uuid::from(access.tenant)).and(accounts::unit_id.eq_any(units)).and(accounts::status.eq(AccountStatus::Active.as_str())))
        .group_by(accounts::unit_id)
        .select((accounts::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// A new account. Call inside a transaction; `hash` is that of its password.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::NotYetKnown`] for a unit or staff record that is
/// not known, [`StoreError::Conflict`] for a username in use.
pub async fn create(conn: &mut Connection, access: &Access, new: &NewAccount, hash: Option<&str>) -> StoreResult<Named> {
    access.require(Action::AccountsWrite)?;
    access.in_unit(conn, Action::AccountsWrite, new.unit_id, None).await?;
    let mut input = AccountInput { display_name: new.display_name.clone(), unit_id: new.unit_id, staff_id: new.staff_id, status: AccountStatus::Active };
    name_of_staff(conn, access, &mut input, true).await?;
    let record = diesel::insert_into(accounts::table)
        .values((
            accounts::id.eq(Uuid::now_v7()),
            accounts::tenant_id.eq(Uuid::from(access.tenant)),
            accounts::valid_after.eq(DateTime::UNIX_EPOCH),
            input.columns(),
            authored!(accounts, &access.author()),
        ))
        .returning(AccountRecord::as_returning())
        .get_result(conn)
        .await?;
    credentials::insert(conn, record.tenant_id, record.id, &new.username, hash, access.now).await?;
    Ok((record, new.username.clone()))
}

/// The name of the linked staff record takes the place of the entered one. A new link needs the right to manage
/// accounts in that record's unit, whatever the education level: rights over classes follow from it.
async fn name_of_staff(conn: &mut Connection, access: &Access, input: &mut AccountInput, new_link: bool) -> StoreResult<()> {
    let Some(staff) = input.staff_id else { return Ok(()) };
    let known: Option<(String, Uuid)> = staff_names::table
        .filter(staff_names::id.eq(Uuid::from(staff)))
        .filter(staff_names::tenant_id.eq(Uuid::from(access.tenant)))
        .select((staff_names::full_name, staff_names::unit_id))
        // A new name arriving meanwhile waits, and then finds this account.
        .for_share()
        .first(conn)
        .await
        .optional()?;
    let unknown = || StoreError::NotYetKnown(format!("staff {staff}"));
    let (name, unit) = known.ok_or_else(unknown)?;
    if new_link {
        let granted = access.in_units(conn, Action::AccountsWrite, &[unit.into()]).await?.into_iter().next().ok_or_else(unknown)?;
        if !granted.permits_every_level() {
            return Err(StoreError::Forbidden(Action::AccountsWrite.as_str()));
        }
    }
    input.display_name = PersonName::parse(&name).map_err(|_| StoreError::Broken("the staff record's name is no name"))?;
    Ok(())
}

/// An account the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: AccountId) -> StoreResult<Named> {
    access.require_fresh(Action::AccountsWrite)?;
    let (named, may) = readable(conn, access, id).await?;
    if may { Ok(named) } else { Err(StoreError::Forbidden(Action::AccountsWrite.as_str())) }
}

/// Changes an account from the state in which it was found. What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since; [`StoreError::State`] when one would shut
/// oneself out.
pub async fn update(conn: &mut Connection, access: &Access, found: Named, input: AccountInput) -> StoreResult<Named> {
    let (record, username) = found;
    let written = conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| update_in_transaction(conn, access, &record, input.clone()).await).await?;
    Ok((written, username))
}

async fn update_in_transaction(conn: &mut Connection, access: &Access, found: &AccountRecord, mut input: AccountInput) -> StoreResult<AccountRecord> {
    let relinked = input.staff_id.map(Uuid::from) != found.columns.staff_id;
    name_of_staff(conn, access, &mut input, relinked).await?;
    let columns = input.columns();
    if columns == found.columns {
        return Ok(found.clone());
    }
    let disabled = input.status == AccountStatus::Disabled && found.columns.status != columns.status;
    if disabled && found.id == Uuid::from(access.account) {
        return Err(StoreError::State("nobody disables the account they are signed in with"));
    }
    if relinked && found.id == Uuid::from(access.account) {
        return Err(StoreError::State("nobody links the account they are signed in with to another staff record"));
    }
    if relinked {
        grants::store::holds_all_of(conn, access, found.id).await?;
    }
    if columns.unit_id != found.columns.unit_id {
        access.in_unit(conn, Action::AccountsWrite, input.unit_id, None).await?;
    }
    let valid_after = if disabled { withdrawn(found.valid_after, access.now) } else { found.valid_after };
    let target = accounts::table.filter(accounts::id.eq(found.id).and(accounts::tenant_id.eq(found.tenant_id)).and(accounts::version.eq(found.version)));
    let set = (columns, accounts::valid_after.eq(valid_after), authored!(accounts, &access.author()));
    let written = diesel::update(target).set(set).returning(AccountRecord::as_returning()).get_result(conn).await.optional()?;
    if disabled {
        sessions::store::end_all(conn, found.id, access.now).await?;
    }
    written.ok_or(StoreError::Stale { current: found.version + 1 })
}

/// Sets a password (its hash) and ends the account's sessions everywhere. `now` is later than the request: hashing takes
/// its time, and a token issued meanwhile must not live on.
///
/// # Errors
/// [`StoreError::Forbidden`] when the account holds what the caller could not hand on.
pub async fn set_password(conn: &mut Connection, access: &Access, account: &AccountRecord, hash: &str, now: DateTime<Utc>) -> StoreResult<()> {
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        grants::store::holds_all_of(conn, access, account.id).await?;
        credentials::set_hash(conn, account.tenant_id, account.id, hash, now).await?;
        sessions::store::end_all(conn, account.id, now).await?;
        let target = accounts::table.filter(accounts::id.eq(account.id).and(accounts::tenant_id.eq(account.tenant_id)));
        diesel::update(target).set((accounts::valid_after.eq(withdrawn(account.valid_after, now)), authored!(accounts, &access.author()))).execute(conn).await?;
        Ok(())
    })
    .await
}

/// The latest state of the accounts changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<Named>> {
    access.require(Action::AccountsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows: Vec<Named> = accounts::table
        .filter(access.narrow(Action::AccountsRead, &RECORD))
        .filter(feed::after("accounts", from))
        .order((accounts::change_xid, accounts::change_sequence))
        .limit(limit + 1)
        .select((AccountRecord::as_select(), username()))
        .load(conn)
        .await?;
    Ok(feed::page(from, limit, rows, |(row, _)| (row.change_xid, row.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: AccountId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id).await?;
    history::entries(conn, AGGREGATE, "accounts", id.into(), &[]).await
}
