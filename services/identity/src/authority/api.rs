//! The internal route that other services pull from.

use actix_web::{
    HttpRequest,
    http::header,
    web::{Json, Query},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use registrar_access::pull::Pulled;
use registrar_http::{Problem, ProblemKind, ServiceContext};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::store::{self, AuthorityCursor};

/// Where to go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullParameters {
    #[serde(default)]
    cursor: String,
}

/// Changes of authority data after a cursor, for our own services: they send the shared secret.
///
/// # Errors
/// `unauthenticated` without the secret, `gone` for a cursor of a former generation.
pub async fn changes(context: ServiceContext, request: HttpRequest, parameters: Query<PullParameters>) -> Result<Json<Pulled>, Problem> {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    if !bearer.is_some_and(|bearer| is_same(bearer, context.secret.expose_secret())) {
        return Err(Problem::new(ProblemKind::Unauthenticated));
    }
    let cursor = AuthorityCursor::decode(&parameters.cursor)?;
    let now = context.clock.now();
    let mut conn = context.db.get().await?;
    let as_of = store::complete_until(&mut conn, now).await?;
    let page = store::changes(&mut conn, cursor).await?;
    let events = page.events.iter().map(|event| STANDARD.encode(event.to_bytes())).collect();
    Ok(Json(Pulled { events, cursor: page.next.encode(), more: page.more, as_of }))
}

/// Whether two texts are the same, in a time that tells nothing about where they differ.
fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    a.iter().zip(b.iter()).fold(0u8, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn texts_are_compared_whole() {
        assert!(is_same("secret", "secret"));
        assert!(!is_same("secret", "secreT") && !is_same("secret", "secret ") && !is_same("", "secret"));
    }
}
