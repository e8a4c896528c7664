//! Services on the air: one public port with one `/v1` scope into which each adds its routes, one internal port for
//! health, metrics and what only our own services may call.

use std::net::SocketAddr;

use actix_web::{
    App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer,
    body::{BoxBody, MessageBody},
    dev::{ResourceDef, Server, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{ALLOW, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    web,
};
use metrics_exporter_prometheus::PrometheusHandle;
use registrar_events::Transport;
use tracing_actix_web::TracingLogger;
use utoipa::{OpenApi, openapi::PathItem};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;
use uuid::Uuid;

use crate::{Problem, ProblemKind, Service, ServiceContext, caller::Application, context::request_id, openapi::Document, rate_limit::Remaining};

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

/// The published contract.
pub type OpenApiDocument = utoipa::openapi::OpenApi;

/// The contract of these services.
#[must_use]
pub fn contract(mounted: &[Mounted]) -> utoipa::openapi::OpenApi {
    let (_, document) = App::new().into_utoipa_app().openapi(Document::openapi()).service(v1(mounted)).split_for_parts();
    document
}

fn v1(
    mounted: &[Mounted],
) -> utoipa_actix_web::scope::Scope<impl actix_web::dev::ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>> {
    mounted.iter().fold(utoipa_actix_web::scope("/v1"), |scope, mounted| scope.configure(|routes| (mounted.service.routes)(routes, &mounted.context)))
}

/// Binds both ports and serves until the answered servers are stopped. Answers the addresses really bound.
/// `document` is the contract to show, where these services are not all there are.
///
/// # Errors
/// When a port cannot be bound.
pub fn serve(
    listen: &Listen,
    mounted: Vec<Mounted>,
    document: Option<OpenApiDocument>,
    transport: Transport,
    metrics: PrometheusHandle,
) -> std::io::Result<(Vec<Server>, SocketAddr, SocketAddr)> {
    let document = document.unwrap_or_else(|| contract(&mounted));
    let public_mounted = mounted.clone();
    let public =
        HttpServer::new(move || public_app(public_mounted.clone(), document.clone())).workers(listen.workers).shutdown_timeout(10).disable_signals().bind(listen.public)?;
    let internal =
        HttpServer::new(move || internal_app(mounted.clone(), transport.clone(), metrics.clone())).workers(1).shutdown_timeout(1).disable_signals().bind(listen.internal)?;
    let address = |addresses: Vec<SocketAddr>| addresses.first().copied().ok_or_else(|| std::io::Error::other("no address was bound"));
    let (public_address, internal_address) = (address(public.addrs())?, address(internal.addrs())?);
    Ok((vec![public.run(), internal.run()], public_address, internal_address))
}

fn public_app(
    mounted: Vec<Mounted>,
    document: OpenApiDocument,
) -> App<impl actix_web::dev::ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = Error, InitError = ()>> {
    let yaml = document.to_yaml().unwrap_or_default();
    let methods = methods(&document);
    let (app, _) = App::new().into_utoipa_app().openapi(Document::openapi()).service(v1(&mounted)).split_for_parts();
    let root = mounted.iter().fold(app, |app, mounted| app.configure(|routes| (mounted.service.root_routes)(routes, &mounted.context)));
    root.route("/openapi.yaml", web::get().to(move || std::future::ready(HttpResponse::Ok().content_type("application/yaml").body(yaml.clone()))))
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document))
        .default_service(web::to(move |request: HttpRequest| std::future::ready(no_route(&methods, &request))))
        .wrap(from_fn(refusals_as_problems))
        .wrap(TracingLogger::default())
}

/// The published paths with the methods they take.
fn methods(document: &OpenApiDocument) -> Vec<(ResourceDef, String)> {
    let methods = |path: &PathItem| {
        let all = [("GET", &path.get), ("POST", &path.post), ("PUT", &path.put), ("PATCH", &path.patch), ("DELETE", &path.delete)];
        all.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method).collect::<Vec<_>>().join(", ")
    };
    document.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect()
}

/// Nothing there; or something that takes other methods (RFC 9110, 15.5.6).
fn no_route(methods: &[(ResourceDef, String)], request: &HttpRequest) -> HttpResponse {
    match methods.iter().find(|(path, _)| path.is_match(request.path())) {
        Some((_, methods)) => HttpResponse::MethodNotAllowed().insert_header((ALLOW, methods.as_str())).finish(),
        None => HttpResponse::NotFound().finish(),
    }
}

/// Outermost: every refusal becomes a problem document, every answer carries its request id and rate limit.
async fn refusals_as_problems<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = std::time::Instant::now();
    // Routing needs the only handle on the request, so what a refusal says of it is read before.
    let (locale, id, method) = (crate::locale::locale_of(request.request()), request_id(request.request()), label(request.method()));
    match next.call(request).await {
        Ok(response) => {
            let http = response.request().clone();
            let mut response = as_problem(response);
            decorate(&http, response.headers_mut());
            count(http.match_pattern(), method, response.status(), http.extensions().get::<Application>().map(|application| application.0), started);
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
    let bare = refused && response.headers().get("content-type").is_none_or(|kind| !kind.as_bytes().ends_with(b"json"));
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

/// A method as a label of metrics. Anybody may invent methods, and each label is a series that stays.
fn label(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
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
        let answers = async { part.context.authority.has_been_filled(&mut *part.context.db.get().await?).await };
        let filled = tokio::time::timeout(std::time::Duration::from_secs(2), answers).await.ok().and_then(Result::ok);
        ready &= filled == Some(true);
        report.insert(part.service.name.to_owned(), serde_json::json!({ "database": filled.is_some(), "authority": filled == Some(true) }));
    }
    report.insert("broker".to_owned(), transport.is_connected().into());
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(report)
}
