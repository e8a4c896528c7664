//! Identity knows which sessions have ended, and refuses their tokens at once.

use actix_web::{
    Error, FromRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
};
use registrar_http::{Problem, ProblemKind, ServiceContext};

use super::store;

/// Around the routes of identity: refuses a token whose session has ended. Requests without a valid token go on, to be
/// refused by the route itself.
///
/// # Errors
/// `unauthenticated`, and those of the route.
pub async fn live_session<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let context = ServiceContext::extract(request.request()).await?;
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    if let Some((_, token)) = bearer
        && let Ok(claims) = context.authority.authenticate(token.trim()).await
    {
        let live = async { store::is_live(&mut *context.db.get().await?, claims.sid, claims.sub).await };
        if !live.await.map_err(Problem::from)? {
            return Err(Problem::new(ProblemKind::Unauthenticated).into());
        }
    }
    next.call(request).await
}
