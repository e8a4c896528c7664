//! Who is calling: an extractor that turns a bearer token into an [`Access`].

use std::{collections::BTreeSet, ops::Deref, sync::Mutex};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
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

/// The application that calls, as a label of metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Application(pub &'static str);

/// Applications told apart in metrics: each label is a series that stays, and anybody may name an application.
const APPLICATIONS: usize = 100;

impl Application {
    fn named(name: &str) -> Self {
        static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let Ok(mut known) = KNOWN.lock() else { return Application("other") };
        if let Some(name) = known.get(name) {
            return Application(name);
        }
        if known.len() >= APPLICATIONS {
            return Application("other");
        }
        // At most a hundred, for as long as the process lives.
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        known.insert(name);
        Application(name)
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
            request.extensions_mut().insert(Application::named(&claims.client_id));
            rate_limit::count(&request, &context, &format!("account:{}", claims.sub)).await?;
            // Before the account and its grants are read: it may be these that the caller waits for.
            let wanted = request.headers().get(wait_for::WAIT_FOR);
            if let Some(wanted) = wanted {
                wait_for::arrived(&context, claims.tenant, wanted.to_str().unwrap_or_default()).await?;
            }
            let access = context.authority.access(&claims, RequestOf { request_id: request_id(&request), waited: wanted.is_some() }).await?;
            Ok(Caller(access))
        })
    }
}
