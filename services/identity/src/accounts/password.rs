//! Passwords: what one must be like, and how it is kept.
//!
//! A hash takes 25 milliseconds on purpose; [`super::hashing`] has it made where nothing else waits.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{self, Output, ParamsString, PasswordHash, Salt, SaltString},
};
use registrar_store::{StoreError, StoreResult};
use secrecy::{ExposeSecret, SecretString};

use super::{hashing, model::username_key};

/// Characters at least.
pub const SHORTEST: usize = 10;
/// Characters at most: a hash of a whole book would be a way to keep us busy.
pub const LONGEST: usize = 200;
/// Of upper-case letters, lower-case letters, digits and all else, at least so many (S4-014).
pub const CLASSES: usize = 3;
/// Random bytes in each hash.
const SALT: usize = 16;

/// What an unknown user's password is hashed by, so that the answer takes as long; no hash is like it.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyAuLg";

/// What a hash is computed in.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// As many blocks as `argon2` needs.
    fn blocks(&mut self, argon2: &Argon2<'_>) -> &mut [Block] {
        self.0.resize(argon2.params().block_count(), Block::default());
        &mut self.0
    }
}

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
/// [`StoreError::Unavailable`] when the operating system gives no randomness, or no hash could be computed.
pub async fn hash(password: SecretString) -> StoreResult<String> {
    let unavailable = |reason: &dyn std::fmt::Display| StoreError::Unavailable(format!("password hashing: {reason}"));
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| unavailable(&error))?;
    let form = form(&salt).map_err(|error| unavailable(&error))?;
    hashing::run(form, password).await?.ok_or_else(|| unavailable(&"refused"))
}

/// How passwords are hashed now, with a salt.
fn form(salt: &[u8]) -> password_hash::Result<String> {
    let (params, salt) = (ParamsString::try_from(&Params::default())?, SaltString::encode_b64(salt)?);
    Ok(PasswordHash { algorithm: Algorithm::default().ident(), version: Some(Version::default().into()), params, salt: Some(salt.as_salt()), hash: None }.to_string())
}

/// Whether the password is the one that was hashed; with no hash it never is, and that takes as long.
///
/// # Errors
/// [`StoreError::Unavailable`] when no hash could be computed.
pub async fn verify(hash: Option<String>, password: SecretString) -> StoreResult<bool> {
    let known = hash.unwrap_or_else(|| NOBODY.to_owned());
    let computed = hashing::run(known.clone(), password).await?;
    let output = |hash: &str| PasswordHash::new(hash).ok()?.hash;
    // Outputs are compared in a time that tells nothing.
    Ok(output(&known).is_some_and(|known| computed.as_deref().and_then(output) == Some(known)))
}

/// The hash of a password by the algorithm, cost and salt of `form`, as long as the hash in it; none when that is no form of
/// ours.
pub(super) fn hashed(form: &str, password: &str, memory: &mut Memory) -> Option<String> {
    let form = PasswordHash::new(form).ok()?;
    let argon2 = Argon2::new(Algorithm::try_from(form.algorithm).ok()?, Version::try_from(form.version?).ok()?, Params::try_from(&form).ok()?);
    let mut salt = [0; Salt::MAX_LENGTH];
    let salt = form.salt?.decode_b64(&mut salt).ok()?;
    let length = form.hash.map_or(Params::DEFAULT_OUTPUT_LEN, |hash| hash.len());
    let computed = Output::init_with(length, |output| Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, memory.blocks(&argon2))?)).ok()?;
    Some(PasswordHash { hash: Some(computed), ..form }.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};

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

    #[test]
    fn hashes_are_those_of_the_library_whatever_their_cost() {
        let (mut memory, salt) = (Memory::default(), SaltString::encode_b64(b"sixteen bytes ..").unwrap());
        let ours = hashed(&form(b"sixteen bytes ..").unwrap(), "Matkhau-moi-1", &mut memory).unwrap();
        assert!(Argon2::default().verify_password(b"Matkhau-moi-1", &PasswordHash::new(&ours).unwrap()).is_ok());
        let cheap = Argon2::new(Algorithm::Argon2i, Version::V0x10, Params::new(64, 2, 1, Some(24)).unwrap());
        for argon2 in [Argon2::default(), cheap] {
            let theirs = argon2.hash_password(b"Matkhau-moi-1", &salt).unwrap().to_string();
            assert_eq!(hashed(&theirs, "Matkhau-moi-1", &mut memory).as_ref(), Some(&theirs));
            assert_ne!(hashed(&theirs, "Matkhau-moi-2", &mut memory).unwrap(), theirs);
        }
        assert_eq!(hashed("Matkhau-moi-1", "Matkhau-moi-1", &mut memory), None);
    }

    #[test]
    fn nobody_is_asked_for_as_much_as_anybody() {
        assert_eq!(form(b"sixteen bytes ..").unwrap(), NOBODY);
    }
}
