//! A signing key, and how its private half is sealed.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{Queryable, Selectable};
use registrar_store::{StoreError, StoreResult};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::schema::signing_keys;

/// How long a key signs before another takes its place.
pub const SIGNS: TimeDelta = TimeDelta::days(30);
/// How long before it signs a key is published.
pub const AHEAD: TimeDelta = TimeDelta::minutes(1);
/// How long tokens signed with it may be accepted: long enough for a service that was away to sign on with it.
pub const VALID: TimeDelta = TimeDelta::days(60);

/// What a key that signs must have left of [`VALID`]; more than a token lives.
pub const REST: TimeDelta = TimeDelta::hours(1);

const NONCE: usize = 12;

/// A key without its private half.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg))]
pub struct SigningKeyRecord {
    /// Its id.
    pub id: Uuid,
    /// Nil: for all tenants.
    pub tenant_id: Uuid,
    /// Its id in token headers.
    pub kid: String,
    /// The point's x coordinate, base64url.
    pub x: String,
    /// The point's y coordinate, base64url.
    pub y: String,
    /// From when it signs.
    pub not_before: DateTime<Utc>,
    /// From when its tokens are refused.
    pub not_after: DateTime<Utc>,
    /// Its version.
    pub version: i64,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// A key that signs now.
pub struct SigningKey {
    /// Its id in token headers.
    pub kid: String,
    /// Its private half, PKCS#8 PEM.
    pub private_pem: String,
}

fn cipher(secret: &SecretString) -> Aes256Gcm {
    let key: [u8; 32] = Sha256::digest(secret.expose_secret().as_bytes()).into();
    Aes256Gcm::new(&key.into())
}

/// Seals a private key with the secret, for this key id only: a random nonce, then AES-256-GCM.
///
/// # Errors
/// [`StoreError::Unavailable`] when the operating system gives no randomness.
pub fn seal(secret: &SecretString, kid: &str, private_pem: &str) -> StoreResult<Vec<u8>> {
    let mut nonce = [0u8; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| StoreError::Unavailable(format!("randomness: {error}")))?;
    let payload = Payload { msg: private_pem.as_bytes(), aad: kid.as_bytes() };
    let sealed = cipher(secret).encrypt(&nonce.into(), payload).map_err(|_| StoreError::Broken("a private key cannot be sealed"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`StoreError::Broken`] with another secret, another key id, or altered bytes.
pub fn open(secret: &SecretString, kid: &str, sealed: &[u8]) -> StoreResult<String> {
    let broken = || StoreError::Broken("a private key cannot be opened: the secret is not the one it was sealed with");
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(broken)?;
    let bytes = cipher(secret).decrypt(&(*nonce).into(), Payload { msg: sealed, aad: kid.as_bytes() }).map_err(|_| broken())?;
    String::from_utf8(bytes).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_opens_with_its_secret_and_its_id_only() {
        let secret = SecretString::from("the secret");
        let sealed = seal(&secret, "k1", "-----BEGIN").unwrap();
        assert_eq!(open(&secret, "k1", &sealed).unwrap(), "-----BEGIN");
        assert!(open(&SecretString::from("another"), "k1", &sealed).is_err());
        assert!(open(&secret, "k2", &sealed).is_err());
        let mut altered = sealed.clone();
        altered[20] ^= 1;
        assert!(open(&secret, "k1", &altered).is_err() && open(&secret, "k1", &sealed[..8]).is_err());
        assert_ne!(seal(&secret, "k1", "-----BEGIN").unwrap(), sealed);
    }
}
