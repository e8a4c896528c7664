//! The route of the caller's own account.

use actix_web::{HttpRequest, HttpResponse, get, put, web::Json};
use chrono::NaiveDate;
use registrar_access::Role;
use registrar_http::{
    Body, Caller, FieldError, Problem, ProblemKind, Refusals, ServiceContext,
    list::{NoFilter, Query},
    rate_limit,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::{
    accounts::{credentials, password},
    grants::model::GrantRecord,
    units::model::UnitRecord,
};

/// Who is calling, and what they hold today.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The account.
    pub account_id: Uuid,
    /// Its username (tên đăng nhập, 用户名).
    pub username: String,
    /// How it is shown to people.
    pub display_name: String,
    /// The staff record of the person behind it.
    pub staff_id: Option<Uuid>,
    /// The tenant's root unit.
    pub tenant: MyUnit,
    /// The application the session was opened through.
    pub client_id: String,
    /// The roles held today in some unit.
    #[schema(max_items = 20)]
    pub roles: Vec<Role>,
    /// The grants that hold today.
    #[schema(max_items = 200)]
    pub grants: Vec<MyGrant>,
}

/// A unit, shortly.
#[derive(Serialize, ToSchema)]
pub struct MyUnit {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
}

impl From<UnitRecord> for MyUnit {
    fn from(unit: UnitRecord) -> Self {
        MyUnit { id: unit.id, code: unit.columns.code, name: unit.columns.name, kind: unit.columns.kind }
    }
}

/// One of the caller's grants.
#[derive(Serialize, ToSchema)]
pub struct MyGrant {
    /// The grant.
    pub id: Uuid,
    /// What it allows.
    pub role: String,
    /// In this unit and below it.
    pub unit: MyUnit,
    /// The hierarchy in which "below" is meant.
    pub hierarchy: String,
    /// Only records of these education levels (S2-013); of all when empty.
    #[schema(max_items = 5)]
    pub education_levels: Vec<String>,
    /// Only these classes (S2-016); all when empty.
    #[schema(max_items = 200)]
    pub class_ids: Vec<Uuid>,
    /// Last day.
    pub valid_until: Option<NaiveDate>,
}

impl From<(GrantRecord, UnitRecord)> for MyGrant {
    fn from((grant, unit): (GrantRecord, UnitRecord)) -> Self {
        let columns = grant.columns;
        MyGrant {
            id: grant.id,
            role: columns.role,
            unit: unit.into(),
            hierarchy: columns.hierarchy,
            education_levels: columns.education_levels,
            class_ids: columns.class_ids,
            valid_until: columns.valid_until,
        }
    }
}

/// Read who one is
///
/// The account of this token, its tenant, and the grants it holds today.
#[utoipa::path(operation_id = "identity.me.read", tag = "me", responses((status = 200, description = "The caller", body = Me), Refusals))]
#[get("")]
pub async fn read(context: ServiceContext, caller: Caller, _: Query<NoFilter>) -> Result<Json<Me>, Problem> {
    let mut conn = context.db.get().await?;
    let username = credentials::of_account(&mut conn, caller.tenant.into(), caller.account.into()).await?.username;
    let tenant = store::root(&mut conn, &caller).await?.into();
    let grants = store::grants(&mut conn, &caller).await?.into_iter().map(MyGrant::from).collect();
    Ok(Json(Me {
        account_id: caller.account.into(),
        username,
        display_name: caller.display_name.clone(),
        staff_id: caller.staff.map(Uuid::from),
        tenant,
        client_id: caller.client.clone(),
        roles: caller.roles().collect(),
        grants,
    }))
}

/// A change of one's own password (S4-013: old and new).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present password (原密码).
    #[schema(value_type = String, min_length = 1, max_length = 200, format = Password)]
    pub current_password: SecretString,
    /// The new one (新密码), by the rules of `POST /v1/accounts/{account_id}/password`.
    #[schema(value_type = String, min_length = 1, max_length = 200, format = Password)]
    pub password: SecretString,
}

/// Change one's own password
///
/// With the present one; ten wrong ones lock the account for fifteen minutes, as in signing in. All other sessions of
/// the account end, this one goes on; access tokens of those that ended work in the other services until they expire,
/// within five minutes.
#[utoipa::path(
    operation_id = "identity.me.change_password", tag = "me", request_body = PasswordChange,
    responses((status = 204, description = "Changed"), Refusals)
)]
#[put("/password")]
pub async fn change_password(context: ServiceContext, caller: Caller, request: HttpRequest, body: Body<PasswordChange>) -> Result<HttpResponse, Problem> {
    rate_limit::count_under(credentials::TRIED, &request, &context, &format!("account:{}", caller.account)).await?;
    let body = body.into_inner();
    let credential = credentials::of_account(&mut *context.db.get().await?, caller.tenant.into(), caller.account.into()).await?;
    password::check(&body.password, &credential.username)?;
    let locked = credential.locked_until.is_some_and(|until| until > caller.now);
    let same = password::verify(credential.hash.clone().filter(|_| !locked), body.current_password).await?;
    let Some(before) = credential.hash.filter(|_| same) else {
        credentials::note_failure(&mut *context.db.get().await?, credential.account, caller.now).await?;
        return Err(wrong_password());
    };
    let after = password::hash(body.password).await?;
    if store::change_password(&mut *context.db.get().await?, &caller, &before, &after).await? { Ok(HttpResponse::NoContent().finish()) } else { Err(wrong_password()) }
}

fn wrong_password() -> Problem {
    let error = FieldError { pointer: "/current_password".into(), code: "wrong_password".into(), detail: "is not the present password".into() };
    Problem::new(ProblemKind::Invalid).errors(vec![error])
}
