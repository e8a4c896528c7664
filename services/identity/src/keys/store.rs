//! Every query on signing keys.

use chrono::{DateTime, SubsecRound, Utc};
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, SelectableHelper, sql_query};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::token::KeyPair;
use registrar_store::{Author, Connection, StoreError, StoreResult, authored};
use secrecy::SecretString;
use uuid::Uuid;

use super::model::{self, AHEAD, REST, SIGNS, SigningKey, SigningKeyRecord, VALID};
use crate::schema::{private_keys, signing_keys};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "identity.signing_key";

/// Makes sure that a key signs now and, when it has signed for thirty days, that another will in a minute. Answers
/// whether anything was made. Several processes may call it at once.
///
/// # Errors
/// When the database cannot be asked or the operating system gives no randomness.
pub async fn ensure_key(conn: &mut Connection, secret: &SecretString, now: DateTime<Utc>) -> StoreResult<bool> {
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        sql_query("select pg_advisory_xact_lock(hashtextextended('signing keys', 0))").execute(conn).await?;
        let newest: Option<SigningKeyRecord> = signing_keys::table
            .filter(signing_keys::not_after.gt(now + REST))
            .order(signing_keys::not_before.desc())
            .select(SigningKeyRecord::as_select())
            .first(conn)
            .await
            .optional()?;
        match newest {
            None => generate(conn, secret, now, now).await?,
            Some(newest) if newest.not_before + SIGNS <= now => rotate(conn, secret, now).await?,
            Some(_) => return Ok(false),
        }
        Ok(true)
    })
    .await
}

/// Publishes another key, which signs from a minute on.
///
/// # Errors
/// Those of [`ensure_key`].
pub async fn rotate(conn: &mut Connection, secret: &SecretString, now: DateTime<Utc>) -> StoreResult<()> {
    generate(conn, secret, now, now + AHEAD).await
}

async fn generate(conn: &mut Connection, secret: &SecretString, now: DateTime<Utc>, from: DateTime<Utc>) -> StoreResult<()> {
    let id = Uuid::now_v7();
    let pair = KeyPair::generate(id.to_string()).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let sealed = model::seal(secret, &pair.kid, &pair.private_pem)?;
    let (from, until) = (from.trunc_subsecs(0), from.trunc_subsecs(0) + VALID);
    let author = Author { at: now, account: Uuid::nil(), on_behalf_of: None, client: "identity".into(), request_id: Uuid::nil() };
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::id.eq(id),
            signing_keys::tenant_id.eq(Uuid::nil()),
            signing_keys::kid.eq(&pair.kid),
            signing_keys::x.eq(&pair.x),
            signing_keys::y.eq(&pair.y),
            signing_keys::not_before.eq(from),
            signing_keys::not_after.eq(until),
            authored!(signing_keys, &author),
        ))
        .execute(conn)
        .await?;
    diesel::insert_into(private_keys::table).values((private_keys::kid.eq(&pair.kid), private_keys::sealed.eq(sealed))).execute(conn).await?;
    Ok(())
}

/// The key that signs now; made when there is none, as after a long standstill.
///
/// # Errors
/// [`StoreError::State`] when it was sealed with another secret; those of [`ensure_key`].
pub async fn current(conn: &mut Connection, secret: &SecretString, now: DateTime<Utc>) -> StoreResult<SigningKey> {
    let (kid, sealed) = match signing(conn, now).await? {
        Some(key) => key,
        None => {
            ensure_key(conn, secret, now).await?;
            signing(conn, now).await?.ok_or(StoreError::Broken("there is no key to sign with"))?
        }
    };
    let private_pem = model::open(secret, &kid, &sealed)?;
    Ok(SigningKey { kid, private_pem })
}

async fn signing(conn: &mut Connection, now: DateTime<Utc>) -> StoreResult<Option<(String, Vec<u8>)>> {
    Ok(signing_keys::table
        .inner_join(private_keys::table.on(private_keys::kid.eq(signing_keys::kid)))
        .filter(signing_keys::not_before.le(now))
        .filter(signing_keys::not_after.gt(now + REST))
        .order((signing_keys::not_before.desc(), signing_keys::id.desc()))
        .select((signing_keys::kid, private_keys::sealed))
        .first(conn)
        .await
        .optional()?)
}

/// The keys whose tokens are accepted now or will be.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn published(conn: &mut Connection, now: DateTime<Utc>) -> StoreResult<Vec<SigningKeyRecord>> {
    Ok(signing_keys::table.filter(signing_keys::not_after.gt(now)).order(signing_keys::not_before.desc()).limit(100).select(SigningKeyRecord::as_select()).load(conn).await?)
}
