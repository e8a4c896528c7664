//! The route of roles.

use actix_web::get;
use registrar_access::{Action, Role, policy::allows};
use registrar_http::{
    Caller, Listing, Problem, Refusals, ServiceContext,
    answer::Listed,
    list::{NoFilter, Query},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A role with what it allows (phân quyền theo chức năng; S2-017).
#[derive(Serialize, ToSchema)]
pub struct RoleActions {
    /// The role.
    pub role: Role,
    /// What it allows, within the reach of a grant.
    #[schema(max_items = 100)]
    pub actions: Vec<Action>,
}

/// List roles
///
/// Every role and what it allows; the same for all tenants.
#[utoipa::path(
    operation_id = "identity.roles.list", tag = "roles",
    responses((status = 200, description = "All roles", body = Listed<RoleActions>), Refusals)
)]
#[get("")]
pub async fn list(_: ServiceContext, _: Caller, _: Query<NoFilter>) -> Result<Listing, Problem> {
    let actions = |role: Role| Action::ALL.iter().copied().filter(|action| allows(role, *action)).collect();
    Listing::whole(Role::ALL.iter().map(|role| RoleActions { role: *role, actions: actions(*role) }).collect())
}
