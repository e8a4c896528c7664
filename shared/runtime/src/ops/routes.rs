//! The page's routes.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE, X_FRAME_OPTIONS},
    },
    web,
};
use maud::Markup;
use registrar_access::Action;
use registrar_events::parked::{self, Retried, Selection};
use registrar_http::{
    Problem, ProblemKind, ServiceContext,
    rate_limit::{self, RateLimit},
    server::Mounted,
};
use registrar_store::StoreError;
use serde::Deserialize;

use super::{
    Operations, errors, page,
    session::{self, Credentials, Denied, Reader},
    state,
};

/// The page's only other content is its own style sheet, and its forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The largest form.
const LARGEST_FORM: usize = 4096;
/// Sign-ins from one address: to identity they all come from this process.
const SIGN_INS: RateLimit = RateLimit { name: "operations-sign-in", quota: 30, window: Duration::from_secs(60) };
/// How long a retry is waited for; it goes on behind the answer.
const RETRY_WITHIN: Duration = Duration::from_secs(20);

pub(super) fn add(routes: &mut web::ServiceConfig, operations: &Operations) {
    routes.service(
        web::scope("/ops")
            .app_data(web::Data::new(operations.clone()))
            .app_data(web::FormConfig::default().limit(LARGEST_FORM))
            .route("", web::get().to(all))
            .route("/style.css", web::get().to(style))
            .route("/sign-in", web::post().to(sign_in))
            .route("/sign-out", web::post().to(sign_out))
            .route("/{service}", web::get().to(one))
            .route("/{service}/parked", web::post().to(retry))
            .route("/{service}/compare", web::post().to(compare)),
    );
}

/// What a form came to, told by the page that follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Told {
    pub(super) mended: Option<usize>,
    pub(super) failed: Option<usize>,
    /// The retry goes on.
    pub(super) retrying: Option<bool>,
}

/// What a retry form sends: one event; all of them when it names none.
#[derive(Deserialize)]
struct Retry {
    event: Option<String>,
}

type Asked = web::Data<Operations>;

async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").insert_header((CACHE_CONTROL, "max-age=3600")).body(include_str!("style.css"))
}

async fn all(operations: Asked, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let services: Vec<&Mounted> = operations.mounted.iter().collect();
    show(&operations, &request, &services, "/ops").await
}

async fn one(operations: Asked, request: HttpRequest, service: web::Path<String>) -> Result<HttpResponse, Problem> {
    let part = part(&operations, &service)?;
    show(&operations, &request, &[part], &format!("/ops/{service}")).await
}

async fn show(operations: &Operations, request: &HttpRequest, services: &[&Mounted], path: &str) -> Result<HttpResponse, Problem> {
    let Some(reader) = session::reader(operations, context(operations)?, request).await? else {
        return Ok(answer(StatusCode::OK, page::sign_in(None)));
    };
    if !session::may(context(operations)?, &reader.access, Action::OperationsRead).await? {
        return Ok(refused(&reader, request));
    }
    let told = web::Query::<Told>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let states = state::of(operations, services).await;
    let shown = page::Shown { operations, path, reader: &reader.access.display_name, states: &states, errors: &errors::newest(), told };
    Ok(with_cookie(answer(StatusCode::OK, page::page(&shown)), &reader, request))
}

async fn sign_in(operations: Asked, request: HttpRequest, form: web::Form<Credentials>) -> Result<HttpResponse, Problem> {
    if !session::is_same_origin(&request) {
        return Ok(elsewhere());
    }
    let context = context(&operations)?;
    if rate_limit::count_under(SIGN_INS, &request, context, &rate_limit::address(&request, context)).await.is_err() {
        return Ok(answer(StatusCode::TOO_MANY_REQUESTS, page::sign_in(Some(Denied::TooMany))));
    }
    let answered = match session::sign_in(&operations, &form).await {
        Ok(tokens) => {
            let mut response = HttpResponse::SeeOther();
            response.insert_header((LOCATION, "/ops"));
            if let Some(cookie) = tokens.cookie(&request) {
                response.insert_header((SET_COOKIE, cookie));
            }
            response.finish()
        }
        Err(denied) => {
            let status = match denied {
                Denied::Wrong => StatusCode::UNAUTHORIZED,
                Denied::TooMany => StatusCode::TOO_MANY_REQUESTS,
                Denied::Away => StatusCode::SERVICE_UNAVAILABLE,
            };
            answer(status, page::sign_in(Some(denied)))
        }
    };
    Ok(answered)
}

async fn sign_out(operations: Asked, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if !session::is_same_origin(&request) {
        return Ok(elsewhere());
    }
    if let Some(reader) = session::reader(&operations, context(&operations)?, &request).await? {
        session::sign_out(&operations, &reader.tokens).await;
    }
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, "/ops"));
    if let Some(cookie) = session::forgotten(&request) {
        response.insert_header((SET_COOKIE, cookie));
    }
    Ok(response.finish())
}

async fn retry(operations: Asked, request: HttpRequest, service: web::Path<String>, form: web::Form<Retry>) -> Result<HttpResponse, Problem> {
    let part = part(&operations, &service)?;
    let reader = match operator(&operations, &request).await? {
        Ok(reader) => reader,
        Err(refusal) => return Ok(refusal),
    };
    let selection = form.into_inner().event.map_or(Selection::All, Selection::One);
    tracing::info!(service = part.service.name, account = %reader.access.account, "parked events are tried again");
    let consumer = crate::consumer(&part.service, &part.context);
    let retrying = tokio::spawn(async move { parked::retry(&consumer, &selection).await });
    let told = match tokio::time::timeout(RETRY_WITHIN, retrying).await {
        Ok(Ok(Ok(Retried { mended, failed }))) => Told { mended: Some(mended), failed: Some(failed), retrying: None },
        // Mended meanwhile, by itself or by somebody else.
        Ok(Ok(Err(StoreError::NotFound))) => Told { mended: Some(0), failed: Some(0), retrying: None },
        Ok(Ok(Err(error))) => return Err(error.into()),
        Ok(Err(_)) => return Err(Problem::new(ProblemKind::Internal)),
        Err(_) => Told { retrying: Some(true), ..Told::default() },
    };
    Ok(with_cookie(back(&operations, part, told), &reader, &request))
}

async fn compare(operations: Asked, request: HttpRequest, service: web::Path<String>) -> Result<HttpResponse, Problem> {
    let part = part(&operations, &service)?;
    let reader = match operator(&operations, &request).await? {
        Ok(reader) => reader,
        Err(refusal) => return Ok(refusal),
    };
    operations.compare(part);
    Ok(with_cookie(back(&operations, part, Told::default()), &reader, &request))
}

/// Who sends a form; otherwise the page that refuses it.
async fn operator(operations: &Operations, request: &HttpRequest) -> Result<Result<Reader, HttpResponse>, Problem> {
    if !session::is_same_origin(request) {
        return Ok(Err(elsewhere()));
    }
    let Some(reader) = session::reader(operations, context(operations)?, request).await? else {
        return Ok(Err(answer(StatusCode::UNAUTHORIZED, page::sign_in(None))));
    };
    let may = session::may(context(operations)?, &reader.access, Action::OperationsWrite).await?;
    Ok(if may { Ok(reader) } else { Err(refused(&reader, request)) })
}

/// The service of this process that a path names.
fn part<'a>(operations: &'a Operations, service: &str) -> Result<&'a Mounted, Problem> {
    operations.part(service).ok_or_else(|| Problem::new(ProblemKind::NotFound))
}

/// Whose copies of accounts and grants decide who may read: identity's own where it runs here.
fn context(operations: &Operations) -> Result<&ServiceContext, Problem> {
    operations.mounted.first().map(|part| &part.context).ok_or_else(|| Problem::new(ProblemKind::NotFound))
}

/// To the page that shows what became of a form, so that reloading it does not send the form again.
fn back(operations: &Operations, part: &Mounted, told: Told) -> HttpResponse {
    let path = if operations.is_whole() { "/ops".to_owned() } else { format!("/ops/{}", part.service.name) };
    let query = match told {
        Told { mended: Some(mended), failed: Some(failed), .. } => format!("?mended={mended}&failed={failed}"),
        Told { retrying: Some(true), .. } => "?retrying=true".to_owned(),
        _ => String::new(),
    };
    HttpResponse::SeeOther().insert_header((LOCATION, format!("{path}{query}"))).finish()
}

fn refused(reader: &Reader, request: &HttpRequest) -> HttpResponse {
    with_cookie(answer(StatusCode::FORBIDDEN, page::refused(&reader.access.display_name)), reader, request)
}

fn elsewhere() -> HttpResponse {
    answer(StatusCode::FORBIDDEN, page::elsewhere())
}

fn with_cookie(mut response: HttpResponse, reader: &Reader, request: &HttpRequest) -> HttpResponse {
    if reader.renewed
        && let Some(cookie) = reader.tokens.cookie(request)
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn answer(status: StatusCode, page: Markup) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-store"))
        // With `no-referrer` browsers would send the page's own forms without an origin.
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .body(page.into_string())
}
