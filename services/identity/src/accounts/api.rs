//! The routes of accounts: request and response bodies, handlers.

use actix_web::{HttpResponse, get, patch, post};
use chrono::{DateTime, Utc};
use registrar_access::Action;
use registrar_domain::{AccountId, Hierarchy, StaffId, UnitId};
use registrar_http::{
    Body, Caller, Changes, FeedQuery, Id, Idempotency, IfMatch, List, Listing, MergePatch, Problem, Record, Refusals, ServiceContext, Versioned,
    answer::{Changed, Listed},
    export_routes,
    idempotency::Kept,
    import_routes,
    list::{FeedParameters, ListParameters},
};
use registrar_store::{feed::FeedPage, history::HistoryEntry};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    export::AccountExporter,
    import::AccountImporter,
    model::{AccountInput, AccountStatus, NewAccount},
    password,
    store::{self, AccountFilter, Named},
};

/// An account as others see it (tài khoản, 账号; S0-038).
#[derive(Serialize, ToSchema)]
pub struct Account {
    /// The account's id.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Name to sign in with (tên đăng nhập, 用户名; S0-032).
    pub username: String,
    /// How it is shown to people.
    pub display_name: String,
    /// The home unit.
    pub unit_id: Uuid,
    /// The staff record of the person behind it.
    pub staff_id: Option<Uuid>,
    /// active or disabled.
    pub status: String,
    /// Access tokens issued before this moment are refused: the last disabling or password by an administrator.
    pub valid_after: DateTime<Utc>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 7] = ["id", "version", "username", "display_name", "unit_id", "staff_id", "status"];
/// All fields of an account.
pub(super) const FIELDS: [&str; 9] = ["id", "version", "username", "display_name", "unit_id", "staff_id", "status", "valid_after", "changed_at"];

impl From<Named> for Account {
    fn from((row, username): Named) -> Self {
        Account {
            id: row.id,
            version: row.version,
            username,
            display_name: row.columns.display_name,
            unit_id: row.columns.unit_id,
            staff_id: row.columns.staff_id,
            status: row.columns.status,
            valid_after: row.valid_after,
            changed_at: row.changed_at,
        }
    }
}

impl Versioned for Account {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of an account.
pub type AccountPatch = MergePatch<AccountInput>;

/// What a list of accounts is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    /// Words of the display name; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The username, whatever its case.
    #[param(max_length = 100)]
    username: Option<String>,
    /// The home unit itself.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// The home unit is this one or below it today, in `hierarchy`.
    #[param(value_type = Option<Uuid>)]
    within: Option<UnitId>,
    /// The hierarchy of `within`; professional when left out.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// The staff record behind it.
    #[param(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    /// The status.
    #[param(inline)]
    status: Option<AccountStatus>,
}

impl From<AccountQuery> for AccountFilter {
    fn from(query: AccountQuery) -> Self {
        let hierarchy = query.hierarchy.unwrap_or(Hierarchy::Professional);
        AccountFilter {
            name: query.q,
            username: query.username,
            unit: query.unit_id,
            within: query.within.map(|unit| (unit, hierarchy)),
            staff: query.staff_id,
            status: query.status,
        }
    }
}

/// List accounts
///
/// Those whose home unit the caller manages or oversees, by name (given name first).
#[utoipa::path(
    operation_id = "identity.accounts.list", tag = "accounts",
    params(ListParameters, AccountQuery),
    responses((status = 200, description = "A page of accounts", body = Listed<Account>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<AccountQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(Account::from), fields.as_deref())
}

/// Create an account
///
/// It can do nothing until it is given grants (S2-012). A staff record that has not arrived here yet is answered with
/// `not_yet_known`.
#[utoipa::path(
    operation_id = "identity.accounts.create", tag = "accounts", request_body = NewAccount,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Created", body = Account), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<NewAccount>) -> Result<Kept, Problem> {
    caller.require(Action::AccountsWrite)?;
    let hash = match &body.password {
        Some(password) => {
            password::check(password, &body.username)?;
            Some(password::hash(password.clone()).await?)
        }
        None => None,
    };
    key.once(&context, &caller, body.digest, async |conn| {
        let account = Account::from(store::create(conn, &caller, &body, hash.as_deref()).await?);
        let location = format!("/v1/accounts/{}", account.id);
        Ok(Record::created(account, location))
    })
    .await
}

/// Read an account
#[utoipa::path(
    operation_id = "identity.accounts.read", tag = "accounts", params(("account_id" = Uuid, Path, description = "The account")),
    responses((status = 200, description = "The account", body = Account), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{account_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<AccountId>) -> Result<Record<Account>, Problem> {
    Ok(Record::of(store::find(&*context.db.share().await?, &caller, *id).await?.into()))
}

/// Change or disable an account
///
/// A merge patch. Disabling ends its sessions and is known in every service within two seconds. Linking another staff
/// record needs the right to manage accounts in that record's unit.
#[utoipa::path(
    operation_id = "identity.accounts.update", tag = "accounts", request_body(content = AccountPatch, content_type = "application/merge-patch+json"),
    params(("account_id" = Uuid, Path, description = "The account"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The account as it is now", body = Account), Refusals)
)]
#[patch("/{account_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<AccountId>, seen: IfMatch, patch: AccountPatch) -> Result<Record<Account>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "accounts"), found.0.id, found.0.version).await?;
    let input = patch.apply(&found.0.columns.to_input()?)?;
    Ok(Record::of(store::update(&mut conn, &caller, found, input).await?.into()))
}

/// A password to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// At least 10 characters, of at least three of: upper-case letters, lower-case letters, digits, others (S4-014);
    /// not with the username in it.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = Password)]
    pub password: SecretString,
}

/// Set an account's password
///
/// By an administrator of the account's home unit who could hand on everything the account holds. All its sessions end.
#[utoipa::path(
    operation_id = "identity.accounts.set_password", tag = "accounts", request_body = NewPassword,
    params(("account_id" = Uuid, Path, description = "The account")),
    responses((status = 204, description = "Set"), Refusals)
)]
#[post("/{account_id}/password")]
pub async fn set_password(context: ServiceContext, caller: Caller, id: Id<AccountId>, body: Body<NewPassword>) -> Result<HttpResponse, Problem> {
    let (account, username) = store::find_to_change(&mut *context.db.get().await?, &caller, *id).await?;
    password::check(&body.password, &username)?;
    let hash = password::hash(body.into_inner().password).await?;
    store::set_password(&mut *context.db.get().await?, &caller, &account, &hash, context.clock.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Follow changes of accounts
///
/// The latest state of every account changed since the cursor, disabled ones included.
#[utoipa::path(
    operation_id = "identity.accounts.changes", tag = "accounts", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Account>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Account>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Account::from).collect(), next: page.next, more: page.more }))
}

/// Read an account's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "identity.accounts.history", tag = "accounts", params(("account_id" = Uuid, Path, description = "The account")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{account_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<AccountId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(AccountImporter, "identity.accounts", "accounts");
export_routes!(AccountExporter, "identity.accounts", "accounts");
