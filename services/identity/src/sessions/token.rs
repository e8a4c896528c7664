//! Refresh tokens: 32 random bytes, kept as their digest.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use registrar_store::{StoreError, StoreResult};
use sha2::{Digest, Sha256};

/// A refresh token on its way to its owner.
pub struct RefreshToken {
    /// What the owner gets, once.
    pub text: String,
    /// What is kept.
    pub digest: Vec<u8>,
}

impl RefreshToken {
    /// A new one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the operating system gives no randomness.
    pub fn generate() -> StoreResult<Self> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable(format!("randomness: {error}")))?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Ok(RefreshToken { digest: digest(&text), text })
    }
}

/// What is kept of a refresh token.
#[must_use]
pub fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_found_by_their_digest() {
        let (a, b) = (RefreshToken::generate().unwrap(), RefreshToken::generate().unwrap());
        assert_ne!(a.text, b.text);
        assert_eq!(a.text.len(), 43);
        assert_eq!(digest(&a.text), a.digest);
    }
}
