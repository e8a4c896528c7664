//! What the handlers of one service share.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
};
use futures_util::future::{Ready, ready};
use registrar_access::Authority;
use registrar_events::Replica;
use registrar_store::{Clock, Db, StoreResult};
use secrecy::SecretString;
use tracing_actix_web::RequestId;
use uuid::Uuid;

use crate::{Problem, ProblemKind, rate_limit::RateLimiter};

/// How long sending a file to an import may take: 50 MB in this time are half a Mbit/s.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What the handlers of one service share. Cheap to clone.
///
/// Every service has one of its own, attached to its own scopes by [`ServiceContext::scope`]: state attached to the
/// whole application would be the last service's for all of them.
#[derive(Clone)]
pub struct ServiceContext(Arc<Shared>);

/// The parts of a [`ServiceContext`].
pub struct Shared {
    /// The service's name, such as `personnel`.
    pub service: &'static str,
    /// Its database.
    pub db: Db,
    /// Who may do what, from this service's own copies.
    pub authority: Authority,
    /// The time.
    pub clock: Clock,
    /// Its copies of other services' records, for requests that wait for one.
    pub replicas: Vec<Arc<dyn Replica>>,
    /// Limits requests per client.
    pub limiter: RateLimiter,
    /// Keys digests of what must not be guessed from the database, and encrypts signing keys.
    pub secret: SecretString,
    /// How long a request may take; sending a file to an import may take 15 minutes.
    pub request_timeout: Duration,
    /// Gateways that are believed when they say in `X-Forwarded-For` who is calling.
    pub trusted_proxies: Vec<IpAddr>,
}

impl std::ops::Deref for ServiceContext {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl From<Shared> for ServiceContext {
    fn from(shared: Shared) -> Self {
        ServiceContext(Arc::new(shared))
    }
}

impl ServiceContext {
    /// The context of one of so many threads that answer requests.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Unavailable`] when it can have no connections of its own.
    pub fn of_worker(&self, workers: usize) -> StoreResult<Self> {
        let db = self.db.of_worker(workers)?;
        Ok(ServiceContext::from(Shared {
            service: self.service,
            authority: self.authority.over(db.clone()),
            db,
            clock: self.clock.clone(),
            replicas: self.replicas.clone(),
            limiter: self.limiter.clone(),
            secret: self.secret.clone(),
            request_timeout: self.request_timeout,
            trusted_proxies: self.trusted_proxies.clone(),
        }))
    }
}

impl FromRequest for ServiceContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.app_data::<ServiceContext>().cloned().ok_or_else(|| {
            tracing::error!("a route outside its service's scope");
            Problem::new(ProblemKind::Internal)
        }))
    }
}

/// The id that logs, histories and problem documents of this request carry.
#[must_use]
pub fn request_id(request: &HttpRequest) -> Uuid {
    request.extensions().get::<RequestId>().map_or_else(Uuid::nil, |id| **id)
}

/// Around every route of a service: bounds the time, and wakes the relay when something was written.
///
/// # Errors
/// Those of the route, `unavailable` when time runs out.
pub async fn around<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let context = ServiceContext::extract(request.request()).await?;
    let writes = !request.method().is_safe();
    let uploads = *request.method() == Method::POST && request.path().ends_with("/imports");
    let longest = if uploads { UPLOAD_TIMEOUT } else { context.request_timeout };
    let response =
        tokio::time::timeout(longest, next.call(request)).await.map_err(|_| Problem::new(ProblemKind::Unavailable).detail("the request took too long").retry_after(5))??;
    if writes && response.status().is_success() {
        context.db.committed();
    }
    Ok(response)
}

/// A scope of the public contract with its service's context: `resource!(context, "/staff").service(list)..`.
#[macro_export]
macro_rules! resource {
    ($context:expr, $path:literal) => {
        // From the path, not from a scope of actix: that one would leave the path out of the published contract.
        ::utoipa_actix_web::scope($path).app_data($context.clone()).wrap(::actix_web::middleware::from_fn($crate::context::around))
    };
}
