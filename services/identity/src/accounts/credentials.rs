//! How accounts sign in: usernames and password hashes, in a table that is neither tracked nor published.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action};
use registrar_http::rate_limit::RateLimit;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use super::{model::username_key, store};
use crate::schema::{accounts, credentials, units};

/// Wrong passwords in a row after which an account is locked.
pub const ATTEMPTS: i32 = 10;
/// For how long.
pub const LOCKED: TimeDelta = TimeDelta::minutes(15);
/// Passwords tried for one account, right or wrong: a person needs few, a guesser many.
pub const TRIED: RateLimit = RateLimit { name: "sign-in", quota: 30, window: Duration::from_secs(60) };

/// What signing in is decided on.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The account.
    pub account: Uuid,
    /// Its tenant.
    pub tenant: Uuid,
    /// Its username, as it was entered.
    pub username: String,
    /// Its password's hash.
    pub hash: Option<String>,
    /// Whether the account is active.
    pub active: bool,
    /// Until when wrong passwords have locked it.
    pub locked_until: Option<DateTime<Utc>>,
}

/// Keeps the username of a new account, and its password's hash.
///
/// # Errors
/// [`registrar_store::StoreError::Conflict`] for a username in use.
pub async fn insert(conn: &mut Connection, tenant: Uuid, account: Uuid, username: &str, hash: Option<&str>, now: DateTime<Utc>) -> StoreResult<()> {
    diesel::insert_into(credentials::table)
        .values((
            credentials::account_id.eq(account),
            credentials::tenant_id.eq(tenant),
            credentials::username.eq(username),
            credentials::username_key.eq(username_key(username)),
            credentials::password_hash.eq(hash),
            credentials::changed_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The accounts of the tenant with these keys of usernames that the caller may see, by them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn accounts(conn: &mut Connection, access: &Access, keys: Vec<String>) -> StoreResult<HashMap<String, Uuid>> {
    let rows: Vec<(String, Uuid)> = credentials::table
        .inner_join(accounts::table.on(accounts::id.eq(credentials::account_id)))
        .filter(credentials::tenant_id.eq(Uuid::from(access.tenant)).and(credentials::username_key.eq_any(keys)))
        .filter(access.narrow(Action::AccountsRead, &store::RECORD))
        .select((credentials::username_key, credentials::account_id))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The usernames of these accounts, by them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn usernames(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<HashMap<Uuid, String>> {
    let known = credentials::table.filter(credentials::tenant_id.eq(Uuid::from(access.tenant)).and(credentials::account_id.eq_any(ids)));
    Ok(known.select((credentials::account_id, credentials::username)).load::<(Uuid, String)>(conn).await?.into_iter().collect())
}

/// Puts another hash in place; the account is no longer locked.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn set_hash(conn: &mut Connection, tenant: Uuid, account: Uuid, hash: &str, now: DateTime<Utc>) -> StoreResult<()> {
    diesel::update(credentials::table.filter(credentials::account_id.eq(account)).filter(credentials::tenant_id.eq(tenant)))
        .set((credentials::password_hash.eq(Some(hash)), credentials::failed_attempts.eq(0), credentials::locked_until.eq(None::<DateTime<Utc>>), credentials::changed_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Account, username, hash, locked until, status.
type Row = (Uuid, String, Option<String>, Option<DateTime<Utc>>, String);

/// What of the joined tables makes a [`Credential`].
const COLUMNS: (credentials::account_id, credentials::username, credentials::password_hash, credentials::locked_until, accounts::status) =
    (credentials::account_id, credentials::username, credentials::password_hash, credentials::locked_until, accounts::status);

fn credential(tenant: Uuid, (account, username, hash, locked_until, status): Row) -> Credential {
    Credential { account, tenant, username, hash, active: status == "active", locked_until }
}

/// The account that a username names, in the tenant whose root unit has this code.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn find(conn: &mut Connection, tenant_code: &str, username: &str) -> StoreResult<Option<Credential>> {
    let row: Option<(Uuid, Row)> = credentials::table
        .inner_join(accounts::table)
        .inner_join(units::table.on(units::id.eq(credentials::tenant_id)))
        .filter(units::code.eq(tenant_code).and(units::id.eq(units::tenant_id)))
        .filter(credentials::username_key.eq(username_key(username)))
        .select((credentials::tenant_id, COLUMNS))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(tenant, row)| credential(tenant, row)))
}

/// What an account signs in with.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn of_account(conn: &mut Connection, tenant: Uuid, account: Uuid) -> StoreResult<Credential> {
    let own = credentials::table.inner_join(accounts::table).filter(credentials::account_id.eq(account)).filter(credentials::tenant_id.eq(tenant));
    Ok(credential(tenant, own.select(COLUMNS).first(conn).await?))
}

/// Notes a wrong password; the tenth in a row locks the account.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn note_failure(conn: &mut Connection, account: Uuid, now: DateTime<Utc>) -> StoreResult<()> {
    let statement = "update credentials set
        locked_until = case when failed_attempts + 1 >= $2 then $3 else locked_until end,
        failed_attempts = case when failed_attempts + 1 >= $2 then 0 else failed_attempts + 1 end
        where account_id = $1";
    sql_query(statement).bind::<sql_types::Uuid, _>(account).bind::<sql_types::Integer, _>(ATTEMPTS).bind::<sql_types::Timestamptz, _>(now + LOCKED).execute(conn).await?;
    Ok(())
}

/// Confirms, and holds until the transaction ends, that the account $1 is active and the hash $2 still its own: a password
/// may change while another is being compared. Forgets wrong passwords before. Answers the moment before which the
/// account's tokens are refused as a [`Confirmed`]; nothing when it is not confirmed.
pub const CONFIRM: &str = "update credentials set failed_attempts = 0, locked_until = null from accounts a
    where account_id = $1 and password_hash = $2 and a.id = account_id and a.status = 'active'
    returning greatest(a.valid_after, timestamptz '1970-01-01') as valid_after";

/// What [`CONFIRM`] answers.
#[derive(QueryableByName)]
pub struct Confirmed {
    /// The account's tokens must not be older than this.
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub valid_after: DateTime<Utc>,
}

/// Does [`CONFIRM`]; whether it confirmed.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn confirm(conn: &mut Connection, account: Uuid, hash: &str) -> StoreResult<bool> {
    let confirmed: Option<Confirmed> = sql_query(CONFIRM).bind::<sql_types::Uuid, _>(account).bind::<sql_types::Text, _>(hash).get_result(conn).await.optional()?;
    Ok(confirmed.is_some())
}
