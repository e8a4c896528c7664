//! Every query on sessions and refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, dsl::exists, select, sql_query, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_store::{Connection, Keep, StoreError, StoreResult, retention};
use uuid::Uuid;

use super::token::{self, RefreshToken};
use crate::{
    accounts::credentials::{CONFIRM, Confirmed, Credential},
    schema::{accounts, refresh_tokens, sessions},
};

/// How long a refresh token may be used.
pub const REFRESH: TimeDelta = TimeDelta::days(30);

/// A session that may go on, with its new refresh token.
pub struct Opened {
    /// The session.
    pub session: Uuid,
    /// Its account.
    pub account: Uuid,
    /// The account's tenant.
    pub tenant: Uuid,
    /// The application it was opened through.
    pub client: String,
    /// The account's tokens must not be older than this.
    pub valid_after: DateTime<Utc>,
    /// What continues it, once.
    pub refresh: RefreshToken,
}

/// Opens a session for an account whose password was found to be the one of `hash`; none when that has changed since.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn open(conn: &mut Connection, credential: &Credential, hash: &str, client: &str, now: DateTime<Utc>) -> StoreResult<Option<Opened>> {
    let (id, refresh) = (Uuid::now_v7(), RefreshToken::generate()?);
    let statement = format!(
        "with confirmed as ({CONFIRM}),
         opened as (insert into sessions (id, tenant_id, account_id, client_id, created_at, refreshed_at) select $3, $4, $1, $5, $6, $6 from confirmed),
         kept as (insert into refresh_tokens (digest, session_id, expires_at) select $7, $3, $8 from confirmed)
         select valid_after from confirmed"
    );
    let statement = sql_query(statement)
        .bind::<sql_types::Uuid, _>(credential.account)
        .bind::<sql_types::Text, _>(hash)
        .bind::<sql_types::Uuid, _>(id)
        .bind::<sql_types::Uuid, _>(credential.tenant)
        .bind::<sql_types::Text, _>(client)
        .bind::<sql_types::Timestamptz, _>(now)
        .bind::<sql_types::Binary, _>(&refresh.digest)
        .bind::<sql_types::Timestamptz, _>(now + REFRESH);
    let confirmed: Option<Confirmed> = Keep(statement).get_result(conn).await.optional()?;
    Ok(confirmed.map(|Confirmed { valid_after }| Opened { session: id, account: credential.account, tenant: credential.tenant, client: client.to_owned(), valid_after, refresh }))
}

async fn insert_token(conn: &mut Connection, session: Uuid, digest: &[u8], now: DateTime<Utc>) -> StoreResult<()> {
    diesel::insert_into(refresh_tokens::table)
        .values((refresh_tokens::digest.eq(digest), refresh_tokens::session_id.eq(session), refresh_tokens::expires_at.eq(now + REFRESH)))
        .execute(conn)
        .await?;
    Ok(())
}

/// A refresh token with its session.
#[derive(diesel::Queryable)]
struct Presented {
    session: Uuid,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    account: Uuid,
    tenant: Uuid,
    client: String,
    status: String,
    valid_after: DateTime<Utc>,
}

/// Continues a session: the token is used up and another takes its place; none when it may not. A token that was used
/// before ends its session, as long as it is known (see [`forget`]).
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn refresh(conn: &mut Connection, text: &str, now: DateTime<Utc>) -> StoreResult<Option<Opened>> {
    let (digest, next) = (token::digest(text), RefreshToken::generate()?);
    let continued = conn
        .transaction::<_, StoreError, _>(async |conn: &mut Connection| {
            let Some(held) = presented(conn, &digest).await? else { return Ok(None) };
            if held.used_at.is_some() {
                tracing::warn!(session = %held.session, "a refresh token came twice: the session ends");
                end(conn, held.session, now).await?;
                return Ok(None);
            }
            if held.ended_at.is_some() || held.expires_at <= now || held.status != "active" {
                return Ok(None);
            }
            diesel::update(refresh_tokens::table.find(&digest)).set(refresh_tokens::used_at.eq(now)).execute(conn).await?;
            diesel::update(sessions::table.find(held.session)).set(sessions::refreshed_at.eq(now)).execute(conn).await?;
            insert_token(conn, held.session, &next.digest, now).await?;
            Ok(Some(held))
        })
        .await?;
    Ok(continued.map(|held| Opened { session: held.session, account: held.account, tenant: held.tenant, client: held.client, valid_after: held.valid_after, refresh: next }))
}

/// The token of this digest with its session, locked: of two uses at the same time one is the second.
async fn presented(conn: &mut Connection, digest: &[u8]) -> StoreResult<Option<Presented>> {
    Ok(refresh_tokens::table
        .inner_join(sessions::table.inner_join(accounts::table))
        .filter(refresh_tokens::digest.eq(digest))
        .select((
            refresh_tokens::session_id,
            refresh_tokens::expires_at,
            refresh_tokens::used_at,
            sessions::ended_at,
            sessions::account_id,
            sessions::tenant_id,
            sessions::client_id,
            accounts::status,
            accounts::valid_after,
        ))
        .for_update()
        .first(conn)
        .await
        .optional()?)
}

/// Ends a session; ending it again changes nothing.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn end(conn: &mut Connection, session: Uuid, now: DateTime<Utc>) -> StoreResult<()> {
    let open = sessions::table.filter(sessions::id.eq(session)).filter(sessions::ended_at.is_null());
    diesel::update(open).set(sessions::ended_at.eq(now)).execute(conn).await?;
    Ok(())
}

/// Ends all sessions of an account.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn end_all(conn: &mut Connection, account: Uuid, now: DateTime<Utc>) -> StoreResult<()> {
    let open = sessions::table.filter(sessions::account_id.eq(account)).filter(sessions::ended_at.is_null());
    diesel::update(open).set(sessions::ended_at.eq(now)).execute(conn).await?;
    Ok(())
}

/// Ends all sessions of an account but one.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn end_others(conn: &mut Connection, account: Uuid, kept: Uuid, now: DateTime<Utc>) -> StoreResult<()> {
    let open = sessions::table.filter(sessions::account_id.eq(account)).filter(sessions::id.ne(kept)).filter(sessions::ended_at.is_null());
    diesel::update(open).set(sessions::ended_at.eq(now)).execute(conn).await?;
    Ok(())
}

/// Whether the account's session has not ended.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn is_live(conn: &mut Connection, session: Uuid, account: Uuid) -> StoreResult<bool> {
    let open = sessions::table.filter(sessions::id.eq(session)).filter(sessions::account_id.eq(account)).filter(sessions::ended_at.is_null());
    Ok(select(exists(open)).get_result(conn).await?)
}

/// Forgets, a day after, sessions that can no longer go on, and refresh tokens that were used up: within that day such a
/// token that comes again ends its session, later it is as unknown as any other text. Answers how many.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn forget(conn: &mut Connection, now: DateTime<Utc>) -> StoreResult<usize> {
    let yesterday = now - TimeDelta::days(1);
    let tokens = retention::delete(conn, "refresh_tokens", "t.used_at < $1", yesterday).await?;
    Ok(tokens + retention::delete(conn, "sessions", "t.refreshed_at < $1", yesterday - REFRESH).await?)
}
