//! Access tokens: ES256 JSON Web Tokens that say who is calling, and nothing about what they may do.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use p256::{
    SecretKey,
    elliptic_curve::sec1::ToEncodedPoint,
    pkcs8::{EncodePrivateKey, LineEnding},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who issues tokens and whom they are for.
pub const ISSUER: &str = "registrar";

/// What an access token says (RFC 7519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer, always [`ISSUER`].
    pub iss: String,
    /// The account.
    pub sub: Uuid,
    /// The tenant.
    pub tenant: Uuid,
    /// The session, which ends on sign-out.
    pub sid: Uuid,
    /// The client application.
    pub client_id: String,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Expires at, seconds since 1970.
    pub exp: i64,
}

/// Why a token was not accepted, or none could be made. Callers are told no more than "invalid".
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours, altered, expired, or signed with a key we do not know.
    #[error("invalid token: {0}")]
    Invalid(String),
    /// The key cannot sign.
    #[error("the key cannot sign: {0}")]
    Key(String),
}

/// A signing key pair, as identity makes it.
pub struct KeyPair {
    /// The key's id in token headers.
    pub kid: String,
    /// The private key, PKCS#8 PEM.
    pub private_pem: String,
    /// Public x coordinate, base64url.
    pub x: String,
    /// Public y coordinate, base64url.
    pub y: String,
}

impl KeyPair {
    /// Makes a P-256 key pair from the operating system's randomness.
    ///
    /// # Errors
    /// [`TokenError::Key`] when the key cannot be encoded.
    pub fn generate(kid: String) -> Result<Self, TokenError> {
        let secret = SecretKey::random(&mut p256::elliptic_curve::rand_core::OsRng);
        let point = secret.public_key().to_encoded_point(false);
        let private_pem = secret.to_pkcs8_pem(LineEnding::LF).map_err(|error| TokenError::Key(error.to_string()))?.to_string();
        let coordinate =
            |bytes: Option<&p256::elliptic_curve::FieldBytes<p256::NistP256>>| bytes.map(|b| URL_SAFE_NO_PAD.encode(b)).ok_or_else(|| TokenError::Key("no coordinate".into()));
        Ok(KeyPair { kid, private_pem, x: coordinate(point.x())?, y: coordinate(point.y())? })
    }
}

/// Signs claims with a private key.
///
/// # Errors
/// [`TokenError::Key`] when the key is unusable.
pub fn sign(claims: &Claims, kid: &str, private_pem: &str) -> Result<String, TokenError> {
    let key = EncodingKey::from_ec_pem(private_pem.as_bytes()).map_err(|error| TokenError::Key(error.to_string()))?;
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
    jsonwebtoken::encode(&header, claims, &key).map_err(|error| TokenError::Key(error.to_string()))
}

/// The key id a token names, before anything of it is believed.
///
/// # Errors
/// [`TokenError::Invalid`] when it names none or is not ES256.
pub fn key_id(token: &str) -> Result<String, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| TokenError::Invalid(error.to_string()))?;
    match (header.alg, header.kid) {
        (Algorithm::ES256, Some(kid)) if kid.len() <= 100 && kid.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(kid),
        _ => Err(TokenError::Invalid("not ES256 with a key id".into())),
    }
}

/// Checks signature and issuer; expiry is judged by the caller's clock.
///
/// # Errors
/// [`TokenError::Invalid`].
pub fn verify(token: &str, x: &str, y: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
    let invalid = |error: jsonwebtoken::errors::Error| TokenError::Invalid(error.to_string());
    let key = DecodingKey::from_ec_components(x, y).map_err(invalid)?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(invalid)?.claims;
    if claims.exp <= now.timestamp() {
        return Err(TokenError::Invalid("expired".into()));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims { iss: ISSUER.into(), sub: Uuid::from_u128(1), tenant: Uuid::from_u128(2), sid: Uuid::from_u128(3), client_id: "test".into(), iat: 1_000, exp: 2_000 }
    }

    #[test]
    fn a_token_is_accepted_until_it_expires_and_only_with_its_key() {
        let pair = KeyPair::generate("k1".into()).unwrap();
        let token = sign(&claims(), &pair.kid, &pair.private_pem).unwrap();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(key_id(&token).unwrap(), "k1");
        assert_eq!(verify(&token, &pair.x, &pair.y, at(1_999)).unwrap(), claims());
        assert!(verify(&token, &pair.x, &pair.y, at(2_000)).is_err());
        let other = KeyPair::generate("k1".into()).unwrap();
        assert!(verify(&token, &other.x, &other.y, at(1_500)).is_err());
        let unsigned = "eyJhbGciOiJub25lIn0.e30.";
        assert!(key_id(unsigned).is_err());
    }
}
