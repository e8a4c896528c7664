//! The routes of sessions: signing in, staying signed in, signing out.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, delete, post};
use registrar_access::token::{self, Claims, ISSUER};
use registrar_http::{
    Body, Caller, Problem, ProblemKind, Refusals, ServiceContext,
    rate_limit::{self, RateLimit},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, Opened};
use crate::{
    accounts::{
        credentials::{self, Credential},
        model::username_key,
        password,
    },
    keys,
};

/// How long an access token may be used, in seconds.
pub const ACCESS_SECONDS: i64 = 300;
/// Sign-ins from one address, which a whole school may share.
const PER_ADDRESS: RateLimit = RateLimit { name: "sign-in-address", quota: 600, window: Duration::from_secs(60) };
/// Our own frontends.
const FIRST_PARTY: &str = "first-party";

/// Who signs in (đăng nhập, 登录; S0-040).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The code of the tenant's root unit.
    #[schema(min_length = 1, max_length = 50, example = "hoi-an")]
    pub tenant: String,
    /// Username (tên đăng nhập, 用户名; S4-010), whatever its case.
    #[schema(min_length = 1, max_length = 100)]
    pub username: String,
    /// Password (mật khẩu, 密码).
    #[schema(value_type = String, min_length = 1, max_length = 200, format = Password)]
    pub password: SecretString,
    /// The application one signs in through; `first-party` when left out.
    #[schema(min_length = 1, max_length = 50, pattern = r"^[a-z0-9][a-z0-9-]*$")]
    pub client_id: Option<String>,
}

/// A session to be continued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRefresh {
    /// The refresh token answered last; good for one use.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = Password)]
    pub refresh_token: SecretString,
}

/// A session that was opened or continued.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Sent with each request as `Authorization: Bearer`; an ES256 token, keys at `/.well-known/jwks.json`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(minimum = 1)]
    pub expires_in: i64,
    /// Continues the session once, for 30 days; sending it twice ends the session.
    pub refresh_token: String,
    /// Who is signed in.
    pub account_id: Uuid,
}

/// Sign in
///
/// A wrong username, a wrong password, a disabled account and one that ten wrong passwords have locked for fifteen
/// minutes are all answered alike. Thirty attempts a minute for one username, six hundred from one address.
#[utoipa::path(
    operation_id = "identity.sessions.create", tag = "sessions", request_body = SignIn, security(()),
    responses((status = 201, description = "Signed in", body = Session), Refusals)
)]
#[post("")]
pub async fn sign_in(context: ServiceContext, request: HttpRequest, body: Body<SignIn>) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    rate_limit::count_under(PER_ADDRESS, &request, &context, &rate_limit::address(&request, &context)).await?;
    rate_limit::count_under(credentials::TRIED, &request, &context, &format!("{}:{}", body.tenant, username_key(&body.username))).await?;
    let now = context.clock.now();
    let credential = credentials::find(&mut *context.db.get().await?, &body.tenant, &body.username).await?;
    let usable = credential.filter(|credential| credential.active && credential.locked_until.is_none_or(|until| until <= now));
    let hash = usable.as_ref().and_then(|credential| credential.hash.clone());
    let same = password::verify(hash.clone(), body.password).await?;
    let opened = match (usable, hash) {
        (Some(credential), Some(hash)) if same => open(&context, &credential, &hash, body.client_id).await?,
        (Some(credential), _) => {
            credentials::note_failure(&mut *context.db.get().await?, credential.account, now).await?;
            None
        }
        (None, _) => None,
    };
    let opened = opened.ok_or_else(|| Problem::new(ProblemKind::Unauthenticated).detail("the tenant, the username or the password is not right"))?;
    let session = session(&context, opened).await?;
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(session))
}

async fn open(context: &ServiceContext, credential: &Credential, hash: &str, client: Option<String>) -> Result<Option<Opened>, Problem> {
    let client = client.unwrap_or_else(|| FIRST_PARTY.to_owned());
    Ok(store::open(&mut *context.db.get().await?, credential, hash, &client, context.clock.now()).await?)
}

async fn session(context: &ServiceContext, opened: Opened) -> Result<Session, Problem> {
    let now = context.clock.now();
    let key = keys::store::current(&mut *context.db.get().await?, &context.secret, now).await?;
    // Right after its tokens were withdrawn, an account's new token counts as one of the next second.
    let issued = now.max(opened.valid_after).timestamp();
    let claims =
        Claims { iss: ISSUER.to_owned(), sub: opened.account, tenant: opened.tenant, sid: opened.session, client_id: opened.client, iat: issued, exp: issued + ACCESS_SECONDS };
    let access_token = token::sign(&claims, &key.kid, &key.private_pem).map_err(|error| {
        tracing::error!(%error, "an access token could not be signed");
        Problem::new(ProblemKind::Internal)
    })?;
    Ok(Session { access_token, token_type: "Bearer", expires_in: ACCESS_SECONDS, refresh_token: opened.refresh.text, account_id: opened.account })
}

/// Stay signed in
///
/// Answers another access token and another refresh token. The one that was sent is used up: should it come a second
/// time, the session ends.
#[utoipa::path(
    operation_id = "identity.sessions.refresh", tag = "sessions", request_body = SessionRefresh, security(()),
    responses((status = 200, description = "Continued", body = Session), Refusals)
)]
#[post("/refresh")]
pub async fn refresh(context: ServiceContext, request: HttpRequest, body: Body<SessionRefresh>) -> Result<HttpResponse, Problem> {
    use secrecy::ExposeSecret;
    rate_limit::count(&request, &context, &format!("refresh:{}", rate_limit::address(&request, &context))).await?;
    let opened = store::refresh(&mut *context.db.get().await?, body.refresh_token.expose_secret(), context.clock.now()).await?;
    let opened = opened.ok_or_else(|| Problem::new(ProblemKind::Unauthenticated).detail("the session has ended"))?;
    let session = session(&context, opened).await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(session))
}

/// Sign out
///
/// Ends the session of this token: it cannot be continued, and identity refuses its access token at once. The other
/// services accept that token until it expires, within five minutes.
#[utoipa::path(operation_id = "identity.sessions.delete_current", tag = "sessions", responses((status = 204, description = "Signed out"), Refusals))]
#[delete("/current")]
pub async fn sign_out(context: ServiceContext, caller: Caller) -> Result<HttpResponse, Problem> {
    store::end(&mut *context.db.get().await?, caller.session, caller.now).await?;
    Ok(HttpResponse::NoContent().finish())
}
