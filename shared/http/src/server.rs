//! Services on the air: one public port with one `/v1` scope into which each adds its routes, one internal port for
//! health, metrics and what only our own services may call.

use std::net::SocketAddr;

use actix_web::{
    App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer,
    body::{BoxBody, MessageBody},
    dev::{Server, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode,
        header::{ALLOW, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    web,
};
use metrics_exporter_prometheus::PrometheusHandle;
use registrar_events::Transport;
use tracing_actix_web::TracingLogger;
use utoipa::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};
use uuid::Uuid;

use crate::{
    Problem, ProblemKind, Service, ServiceContext,
    caller::Application,
    context::request_id,
    deprecation::Deprecations,
    methods::{no_route, only_their_methods},
    openapi::{self, Document},
    rate_limit::Remaining,
    request_span::{RequestSpan, method_label, route_of},
    scheduling::UnderWay,
    shown::Shown,
};

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// For everyone, behind the gateway; port 0 takes a free one.
    pub public: SocketAddr,
    /// For health checks, metrics and our own services.
    pub internal: SocketAddr,
    /// Threads that answer requests.
    pub workers: usize,
}

/// A service with what its handlers share.
#[derive(Clone)]
pub struct Mounted {
    /// The service.
    pub service: std::sync::Arc<Service>,
    /// Its context.
    pub context: ServiceContext,
}

/// Whether a service can answer requests.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// Its database answers.
    pub database: bool,
    /// Authority data have arrived once.
    pub authority: bool,
}

impl Mounted {
    /// The same for one of so many threads that answer requests.
    fn of_worker(&self, workers: usize) -> Self {
        let context = self.context.of_worker(workers).unwrap_or_else(|error| {
            tracing::error!(%error, "a thread shares the connections of others");
            self.context.clone()
        });
        Mounted { service: self.service.clone(), context }
    }

    /// Asks the database, for at most 2 s.
    pub async fn readiness(&self) -> Readiness {
        let answers = async { self.context.authority.has_been_filled(&mut *self.context.db.get().await?).await };
        let filled = tokio::time::timeout(std::time::Duration::from_secs(2), answers).await.ok().and_then(Result::ok);
        Readiness { database: filled.is_some(), authority: filled == Some(true) }
    }
}

/// Routes at the root of the public port that belong to the process rather than to a service, such as the operations page.
pub type RootRoutes = std::sync::Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

/// The published contract.
pub use crate::openapi::Contract as OpenApiDocument;

/// The contract of these services.
#[must_use]
pub fn contract(mounted: &[Mounted]) -> OpenApiDocument {
    openapi::finished(&routes(mounted), mounted.iter().flat_map(|mounted| mounted.service.tags).copied()).unwrap_or_else(|error| {
        tracing::error!(%error, "the contract cannot be shown");
        OpenApiDocument::Null
    })
}

/// What the routes of these services say of themselves.
pub(crate) fn routes(mounted: &[Mounted]) -> utoipa::openapi::OpenApi {
    App::new().into_utoipa_app().openapi(Document::openapi()).service(v1(mounted)).split_for_parts().1
}

fn v1(
    mounted: &[Mounted],
) -> utoipa_actix_web::scope::Scope<impl actix_web::dev::ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>> {
    mounted.iter().fold(utoipa_actix_web::scope("/v1"), |scope, mounted| scope.configure(|routes| (mounted.service.routes)(routes, &mounted.context)))
}

/// Binds both ports and serves until the answered servers are stopped. Answers the addresses really bound.
/// `whole` makes the contract to show, where these services are not all there are; `root` adds what is the process's own.
///
/// # Errors
/// When a port cannot be bound.
pub fn serve(
    listen: &Listen,
    mounted: Vec<Mounted>,
    whole: Option<fn() -> OpenApiDocument>,
    root: RootRoutes,
    transport: Transport,
    metrics: PrometheusHandle,
) -> std::io::Result<(Vec<Server>, SocketAddr, SocketAddr)> {
    let (public_mounted, workers, shown) = (mounted.clone(), listen.workers, Shown::of(&mounted, whole));
    let public = HttpServer::new(move || public_app(public_mounted.iter().map(|mounted| mounted.of_worker(workers)).collect(), shown.clone(), root.clone()))
        .workers(listen.workers)
        .shutdown_timeout(10)
        .disable_signals()
        .bind(listen.public)?;
    let internal =
        HttpServer::new(move || internal_app(mounted.clone(), transport.clone(), metrics.clone())).workers(1).shutdown_timeout(1).disable_signals().bind(listen.internal)?;
    let address = |addresses: Vec<SocketAddr>| addresses.first().copied().ok_or_else(|| std::io::Error::other("no address was bound"));
    let (public_address, internal_address) = (address(public.addrs())?, address(internal.addrs())?);
    Ok((vec![public.run(), internal.run()], public_address, internal_address))
}

fn public_app(
    mounted: Vec<Mounted>,
    shown: Shown,
    own: RootRoutes,
) -> App<impl actix_web::dev::ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = Error, InitError = ()>> {
    let (yaml, json) = (shown.text("application/yaml", |texts| &texts.yaml), shown.text("application/json", |texts| &texts.json));
    let Shown { methods, deprecations, fixed, .. } = shown;
    let (app, _) = App::new().into_utoipa_app().openapi(Document::openapi()).service(v1(&mounted)).split_for_parts();
    let root = mounted.iter().fold(app, |app, mounted| app.configure(|routes| (mounted.service.root_routes)(routes, &mounted.context)));
    root.configure(|routes| own(routes))
        .route("/openapi.yaml", yaml)
        .route("/openapi.json", json)
        .app_data(deprecations)
        .app_data(fixed)
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")))
        .default_service(web::to(move |request: HttpRequest| std::future::ready(no_route(&methods, &request))))
        .wrap(from_fn(only_their_methods))
        .wrap(from_fn(refusals_as_problems))
        .wrap(TracingLogger::<RequestSpan>::new())
}

/// Outermost: every refusal becomes a problem document, every answer carries its request id and rate limit.
async fn refusals_as_problems<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let (started, _under_way) = (std::time::Instant::now(), UnderWay::begin());
    // Routing needs the only handle on the request, so what a refusal says of it is read before.
    let (locale, id, method) = (crate::locale::locale_of(request.request()), request_id(request.request()), method_label(request.method()));
    match next.call(request).await {
        Ok(response) => {
            let http = response.request().clone();
            let mut response = as_problem(response);
            decorate(&http, response.headers_mut());
            count(route_of(&http), method, response.status(), http.extensions().get::<Application>().map(|application| application.0), started);
            Ok(response)
        }
        Err(error) => {
            let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| {
                tracing::warn!(%error, "refused by the framework");
                of_status(error.as_response_error().status_code().as_u16())
            });
            let mut response = problem.respond_in(locale, id);
            name(response.headers_mut(), id);
            count(None, method, response.status(), None, started);
            Err(InternalError::from_response(problem, response).into())
        }
    }
}

/// The response, or the problem document that it stands for.
fn as_problem<B: MessageBody + 'static>(response: ServiceResponse<B>) -> ServiceResponse<BoxBody> {
    let known = response.response().extensions().get::<Problem>().cloned();
    let refused = response.status().is_client_error() || response.status().is_server_error();
    // Problem documents of the routes' own, and pages for people.
    let own = |kind: &HeaderValue| kind.as_bytes().ends_with(b"json") || kind.as_bytes().starts_with(b"text/html");
    let bare = refused && !response.headers().get("content-type").is_some_and(own);
    let problem = known.or_else(|| bare.then(|| of_status(response.status().as_u16())));
    match problem {
        Some(problem) => {
            let (http, allowed) = (response.request().clone(), response.headers().get(ALLOW).cloned());
            let mut refusal = problem.respond(&http);
            if let Some(allowed) = allowed {
                refusal.headers_mut().insert(ALLOW, allowed);
            }
            ServiceResponse::new(http, refusal)
        }
        None => response.map_into_boxed_body(),
    }
}

fn count(route: Option<String>, method: &'static str, status: StatusCode, application: Option<&'static str>, started: std::time::Instant) {
    let route = route.unwrap_or_else(|| "none".to_owned());
    let labels = [("route", route.clone()), ("method", method.to_owned()), ("status", status.as_u16().to_string()), ("client", application.unwrap_or("none").to_owned())];
    metrics::counter!("registrar_http_requests_total", &labels).increment(1);
    metrics::histogram!("registrar_http_request_seconds", "route" => route, "method" => method).record(started.elapsed().as_secs_f64());
}

fn of_status(status: u16) -> Problem {
    let kind = ProblemKind::ALL.iter().copied().find(|kind| kind.status().as_u16() == status);
    Problem::new(kind.unwrap_or(if status >= 500 { ProblemKind::Internal } else { ProblemKind::Malformed }))
}

fn decorate(request: &HttpRequest, headers: &mut HeaderMap) {
    name(headers, request_id(request));
    if let Some(remaining) = request.extensions().get::<Remaining>() {
        for (name, value) in remaining.headers() {
            add(headers, name, &value);
        }
    }
    if let Some(deprecations) = request.app_data::<web::Data<Deprecations>>() {
        for (name, value) in deprecations.headers(request.method(), || request.match_pattern()) {
            if let Ok(value) = HeaderValue::from_str(value) {
                // A page has a link already.
                headers.append(HeaderName::from_static(name), value);
            }
        }
    }
}

/// What every answer carries.
fn name(headers: &mut HeaderMap, id: Uuid) {
    add(headers, "x-request-id", &id.to_string());
    add(headers, "x-content-type-options", "nosniff");
}

fn add(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn internal_app(
    mounted: Vec<Mounted>,
    transport: Transport,
    metrics: PrometheusHandle,
) -> App<impl actix_web::dev::ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = Error, InitError = ()>> {
    let app = mounted.iter().fold(App::new(), |app, mounted| app.configure(|routes| (mounted.service.internal_routes)(routes, &mounted.context)));
    app.app_data(web::Data::new(mounted))
        .app_data(web::Data::new(transport))
        .app_data(web::Data::new(metrics))
        .route("/livez", web::get().to(|| std::future::ready(HttpResponse::Ok().body("alive\n"))))
        .route("/readyz", web::get().to(ready))
        .route(
            "/metrics",
            web::get().to(|metrics: web::Data<PrometheusHandle>| std::future::ready(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()))),
        )
        .wrap(from_fn(refusals_as_problems))
}

/// Ready when every database answers and authority data have arrived once. A broker that is away does not make a service
/// unready: reads and writes go on.
async fn ready(mounted: web::Data<Vec<Mounted>>, transport: web::Data<Transport>) -> HttpResponse {
    let mut report = serde_json::Map::new();
    let mut ready = true;
    for part in mounted.iter() {
        let readiness = part.readiness().await;
        ready &= readiness.authority;
        report.insert(part.service.name.to_owned(), serde_json::json!({ "database": readiness.database, "authority": readiness.authority }));
    }
    report.insert("broker".to_owned(), transport.is_connected().into());
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(report)
}
