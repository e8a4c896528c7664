//! Passwords: what one must be like, and how it is kept.
//!
//! A hash takes 25 milliseconds on purpose. It is made off the threads that answer requests, and no more of them at
//! once than there are cores, so that a wave of sign-ins slows sign-ins and nothing else.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use registrar_store::{StoreError, StoreResult};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::model::username_key;

/// Characters at least.
pub const SHORTEST: usize = 10;
/// Characters at most: a hash of a whole book would be a way to keep us busy.
pub const LONGEST: usize = 200;
/// Of upper-case letters, lower-case letters, digits and all else, at least so many (S4-014).
pub const CLASSES: usize = 3;

static CORES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));

/// What an unknown user's password is compared with, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hashed("nobody has this password").unwrap_or_default());

/// Refuses a password that is easy to guess.
///
/// # Errors
/// [`StoreError::Invalid`] at `/password`.
pub fn check(password: &SecretString, username: &str) -> StoreResult<()> {
    let refuse = |code: &'static str, detail: &str| Err(StoreError::Invalid { pointer: "/password".into(), code, detail: detail.to_owned() });
    let text = password.expose_secret();
    let length = text.chars().count();
    if length < SHORTEST {
        return refuse("too_short", "at least 10 characters");
    }
    if length > LONGEST {
        return refuse("too_long", "at most 200 characters");
    }
    let class = |is: fn(char) -> bool| usize::from(text.chars().any(is));
    let other = |c: char| !c.is_uppercase() && !c.is_lowercase() && !c.is_numeric();
    if class(char::is_uppercase) + class(char::is_lowercase) + class(char::is_numeric) + class(other) < CLASSES {
        return refuse("too_few_classes", "at least three of: upper-case letters, lower-case letters, digits, other characters");
    }
    if username_key(text).contains(&username_key(username)) {
        return refuse("contains_username", "must not contain the username");
    }
    Ok(())
}

/// The hash to keep of a password: argon2id with a salt of its own.
///
/// # Errors
/// [`StoreError::Unavailable`] when the operating system gives no randomness.
pub async fn hash(password: SecretString) -> StoreResult<String> {
    off_the_async_threads(move || hashed(password.expose_secret())).await?
}

/// Whether the password is the one that was hashed; with no hash it never is, and that takes as long.
///
/// # Errors
/// [`StoreError::Unavailable`] when the process is ending.
pub async fn verify(hash: Option<String>, password: SecretString) -> StoreResult<bool> {
    off_the_async_threads(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let same = PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok());
        known && same
    })
    .await
}

async fn off_the_async_threads<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> StoreResult<T> {
    let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(format!("password hashing: {error}"));
    let _core = CORES.acquire().await.map_err(|error| unavailable(&error))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| unavailable(&error))
}

fn hashed(password: &str) -> StoreResult<String> {
    let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(format!("password hashing: {error}"));
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|error| unavailable(&error))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| unavailable(&error))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|error| unavailable(&error))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> Option<&'static str> {
        match check(&password.into(), "thuy.nguyen") {
            Ok(()) => None,
            Err(StoreError::Invalid { code, .. }) => Some(code),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_password_is_long_and_mixed() {
        // S4-014: at least three of four classes.
        assert_eq!(refusal("Matkhau-moi"), None);
        assert_eq!(refusal("matkhau 2025"), None);
        assert_eq!(refusal("Mật khẩu mới"), None);
        assert_eq!(refusal("密码密码密码密码Aa"), None);
        assert_eq!(refusal("matkhaumatkhau"), Some("too_few_classes"));
        assert_eq!(refusal("Matkhaumoi"), Some("too_few_classes"));
        assert_eq!(refusal("Mk-2025aa"), Some("too_short"));
        assert_eq!(refusal(&"Mk-2025aaa".repeat(21)), Some("too_long"));
        assert_eq!(refusal("Thuy.Nguyen-1"), Some("contains_username"));
    }

    #[tokio::test]
    async fn only_the_same_password_is_accepted() {
        let hash = hash("Matkhau-moi-1".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify(Some(hash.clone()), "Matkhau-moi-1".into()).await.unwrap());
        assert!(!verify(Some(hash), "Matkhau-moi-2".into()).await.unwrap());
        assert!(!verify(None, "nobody has this password".into()).await.unwrap());
    }
}
