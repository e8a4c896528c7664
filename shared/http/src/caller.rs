//! Who is calling: an extractor that turns a bearer token into an [`Access`].

use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use futures_util::future::LocalBoxFuture;
use registrar_access::{Access, Caller as RequestOf};

use crate::{Problem, ProblemKind, ServiceContext, context::request_id, rate_limit, wait_for};

/// An authenticated caller with what they hold, once what they wait for (`Registrar-Wait-For`) has arrived.
pub struct Caller(pub Access);

impl Deref for Caller {
    type Target = Access;
    fn deref(&self) -> &Access {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let context = ServiceContext::extract(&request).await?;
            let bearer = request
                .headers()
                .get(header::AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")))
                .ok_or_else(|| Problem::new(ProblemKind::Unauthenticated))?;
            let claims = context.authority.authenticate(bearer.trim()).await?;
            rate_limit::count(&request, &context, &format!("account:{}", claims.sub)).await?;
            // Before the account and its grants are read: it may be these that the caller waits for.
            if let Some(wanted) = request.headers().get(wait_for::WAIT_FOR) {
                wait_for::arrived(&context, claims.tenant, wanted.to_str().unwrap_or_default()).await?;
            }
            let access = context.authority.access(&claims, RequestOf { request_id: request_id(&request) }).await?;
            Ok(Caller(access))
        })
    }
}
