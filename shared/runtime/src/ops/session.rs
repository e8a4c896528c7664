//! Who reads the page: signed in by username and password at identity like everybody else, remembered in a cookie that
//! only this page gets and no script can read.

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HOST, HeaderValue, ORIGIN},
};
use diesel::{OptionalExtension, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Caller, Refusal};
use registrar_http::{Problem, ProblemKind, ServiceContext, context::request_id, rate_limit};
use registrar_store::{StoreError, StoreResult};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::Operations;

/// The cookie's name.
const NAME: &str = "registrar-ops";
/// As which application readers sign in.
const APPLICATION: &str = "operations";

/// What the sign-in form sends.
#[derive(Deserialize)]
pub(super) struct Credentials {
    pub(super) tenant: String,
    pub(super) username: String,
    pub(super) password: SecretString,
}

/// What identity answers to a sign-in.
#[derive(Deserialize)]
pub(super) struct Tokens {
    access_token: SecretString,
    refresh_token: SecretString,
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The tenant, the username or the password.
    Wrong,
    /// Too many attempts.
    TooMany,
    /// Identity does not answer.
    Away,
}

/// Somebody signed in.
pub(super) struct Reader {
    pub(super) access: Access,
    pub(super) tokens: Tokens,
    /// Whether the tokens are new, to be sent back as a cookie.
    pub(super) renewed: bool,
}

impl Tokens {
    fn of(request: &HttpRequest) -> Option<Self> {
        let cookies = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let value = cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == NAME)?.1;
        let (access, refresh) = value.split_once('~')?;
        Some(Tokens { access_token: access.into(), refresh_token: refresh.into() })
    }

    /// The cookie that keeps them: sent to this page only, by requests that this page itself began.
    pub(super) fn cookie(&self, request: &HttpRequest) -> Option<HeaderValue> {
        cookie(request, &format!("{}~{}", self.access_token.expose_secret(), self.refresh_token.expose_secret()), "")
    }
}

/// The cookie that takes the place of one with tokens.
pub(super) fn forgotten(request: &HttpRequest) -> Option<HeaderValue> {
    cookie(request, "", "; Max-Age=0")
}

fn cookie(request: &HttpRequest, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{NAME}={value}; Path=/ops; HttpOnly; SameSite=Strict{secure}{more}")).ok()
}

/// Whether a form was sent by a page of ours. Browsers name the origin with every POST.
pub(super) fn is_same_origin(request: &HttpRequest) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && text(HOST).is_some_and(|own| own.eq_ignore_ascii_case(host)))
}

/// Who is signed in; an access token that has ended is renewed.
///
/// # Errors
/// `too_many_requests`; `unavailable` when the database or identity cannot be asked.
pub(super) async fn reader(operations: &Operations, context: &ServiceContext, request: &HttpRequest) -> Result<Option<Reader>, Problem> {
    let Some(tokens) = Tokens::of(request) else { return Ok(None) };
    let (tokens, access, renewed) = match access(context, request, &tokens).await? {
        Some(access) => (tokens, access, false),
        None => {
            let refreshed = ask(operations, "/refresh", &serde_json::json!({ "refresh_token": tokens.refresh_token.expose_secret() })).await;
            let tokens = match refreshed {
                Ok(tokens) => tokens,
                Err(Denied::Wrong) => return Ok(None),
                Err(Denied::TooMany) => return Err(Problem::new(ProblemKind::TooMany)),
                Err(Denied::Away) => return Err(Problem::new(ProblemKind::Unavailable).detail("identity does not answer")),
            };
            let Some(access) = access(context, request, &tokens).await? else { return Ok(None) };
            (tokens, access, true)
        }
    };
    rate_limit::count(request, context, &format!("account:{}", Uuid::from(access.account))).await?;
    Ok(Some(Reader { access, tokens, renewed }))
}

async fn access(context: &ServiceContext, request: &HttpRequest, tokens: &Tokens) -> Result<Option<Access>, Problem> {
    let judged = async {
        let claims = context.authority.authenticate(tokens.access_token.expose_secret()).await?;
        context.authority.access(&claims, Caller { request_id: request_id(request), waited: false }).await
    };
    match judged.await {
        Ok(access) => Ok(Some(access)),
        Err(Refusal::Unauthenticated(_)) => Ok(None),
        Err(Refusal::Store(error)) => Err(error.into()),
    }
}

/// Whether somebody runs this installation: by a grant for the whole of its first tenant. Other tenants, such as a
/// vendor's sandbox, have administrators of their own, who have no business with what is everybody's.
///
/// # Errors
/// Only when the database cannot be asked.
pub(super) async fn may(context: &ServiceContext, access: &Access, action: Action) -> Result<bool, Problem> {
    match access.require(action) {
        Err(StoreError::Forbidden(_)) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(access.reaches_whole_tenant(action) && first_tenant(context).await? == Some(access.tenant.into())),
    }
}

/// The tenant that `registrar init` made first: its id is the oldest, since ids are made in the order of time.
async fn first_tenant(context: &ServiceContext) -> StoreResult<Option<Uuid>> {
    let first: Option<Tenant> = sql_query("select id from units where id = tenant_id order by id limit 1").get_result(&mut context.db.get().await?).await.optional()?;
    Ok(first.map(|tenant| tenant.id))
}

#[derive(QueryableByName)]
struct Tenant {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
}

/// Signs in at identity.
pub(super) async fn sign_in(operations: &Operations, credentials: &Credentials) -> Result<Tokens, Denied> {
    let body = serde_json::json!({
        "tenant": credentials.tenant, "username": credentials.username, "password": credentials.password.expose_secret(), "client_id": APPLICATION,
    });
    ask(operations, "", &body).await
}

/// Ends the session at identity; when that does not answer, it ends by itself.
pub(super) async fn sign_out(operations: &Operations, tokens: &Tokens) {
    let url = format!("{}/sessions/current", operations.identity());
    if let Err(error) = operations.client.delete(url).bearer_auth(tokens.access_token.expose_secret()).send().await {
        tracing::warn!(%error, "a session of the operations page could not be ended");
    }
}

async fn ask(operations: &Operations, path: &str, body: &serde_json::Value) -> Result<Tokens, Denied> {
    let away = |error: reqwest::Error| {
        tracing::warn!(%error, "nobody can sign in to the operations page");
        Denied::Away
    };
    let answer = operations.client.post(format!("{}/sessions{path}", operations.identity())).json(body).send().await.map_err(away)?;
    match answer.status().as_u16() {
        200 | 201 => answer.json().await.map_err(away),
        429 => Err(Denied::TooMany),
        400..=499 => Err(Denied::Wrong),
        _ => Err(Denied::Away),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_form_of_another_origin_is_told_apart() {
        let from = |origin: Option<&'static str>| {
            let request = TestRequest::post().insert_header((HOST, "Registrar.example:8080"));
            is_same_origin(&origin.map_or(TestRequest::post(), |origin| request.insert_header((ORIGIN, origin))).to_http_request())
        };
        assert!(from(Some("http://registrar.example:8080")));
        for other in [None, Some("null"), Some("http://registrar.example"), Some("http://evil.example:8080"), Some("file://registrar.example:8080"), Some("registrar.example:8080")]
        {
            assert!(!from(other), "{other:?}");
        }
    }

    #[test]
    fn the_cookie_comes_back_as_it_was_set() {
        let tokens = Tokens { access_token: "a.b.c".into(), refresh_token: "r-_1".into() };
        let set = |scheme: &'static str| {
            let request = TestRequest::get().insert_header(("x-forwarded-proto", scheme)).to_http_request();
            tokens.cookie(&request).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(set("http"), "registrar-ops=a.b.c~r-_1; Path=/ops; HttpOnly; SameSite=Strict");
        assert!(set("https").ends_with("; SameSite=Strict; Secure"));
        let request = TestRequest::get().insert_header((COOKIE, "other=1; registrar-ops=a.b.c~r-_1")).to_http_request();
        let read = Tokens::of(&request).unwrap();
        assert_eq!((read.access_token.expose_secret(), read.refresh_token.expose_secret()), ("a.b.c", "r-_1"));
    }
}
