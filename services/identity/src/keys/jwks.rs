//! The public keys for everybody who checks our tokens (RFC 7517).

use actix_web::HttpResponse;
use registrar_http::{Problem, ServiceContext};
use serde_json::{Value, json};

use super::{model::SigningKeyRecord, store};

fn jwk(key: &SigningKeyRecord) -> Value {
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key.kid, "x": key.x, "y": key.y})
}

/// `GET /.well-known/jwks.json`. May be kept for half a minute: a new key is here a minute before it signs.
///
/// # Errors
/// `unavailable`.
pub async fn jwks(context: ServiceContext) -> Result<HttpResponse, Problem> {
    let keys = store::published(&mut *context.db.get().await?, context.clock.now()).await?;
    let keys: Vec<Value> = keys.iter().map(jwk).collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "public, max-age=30")).json(json!({ "keys": keys })))
}
