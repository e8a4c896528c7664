//! Identity: units and their hierarchies, accounts, roles and grants, code lists, sessions and the keys that tokens are
//! signed with (đơn vị, tài khoản, phân quyền, đăng nhập; 机构、账号、权限、登录). What every other service decides on comes
//! from here, by events.

pub mod accounts;
pub mod authority;
pub mod code_lists;
pub mod grants;
pub mod init;
pub mod keys;
pub mod me;
pub mod roles;
#[allow(missing_docs, reason = "columns are documented in migrations/shared/*_authority and migrations/identity")]
pub mod schema;
pub mod sessions;
pub mod units;

use std::sync::Arc;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use registrar_http::{Service, ServiceContext};
use utoipa_actix_web::service_config::ServiceConfig;

pub use init::{NewTenant, init};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/identity");

/// The service.
#[must_use]
pub fn service() -> Service {
    Service {
        name: "identity",
        segments: &["units", "accounts", "roles", "grants", "sessions", "me", "code-lists"],
        tags: &[
            ("units", "Ministry, departments, communes and schools, in dated hierarchies (đơn vị, 机构)."),
            ("accounts", "Who may sign in (tài khoản, 账号)."),
            ("roles", "What a grant allows (vai trò, 角色)."),
            ("grants", "Who may do what, in which unit and below it (phân quyền, 授权)."),
            ("sessions", "Signing in, staying signed in, signing out (đăng nhập, 登录)."),
            ("me", "The caller's own account."),
            ("code-lists", "The values that coded fields take (danh mục, 代码表)."),
        ],
        routes,
        root_routes: keys::routes,
        internal_routes,
        migrations: || MIGRATIONS,
        sources: authority::sources,
        replicas: || vec![Arc::new(accounts::staff_names::StaffNames)],
        importers: || vec![Arc::new(units::import::UnitImporter), Arc::new(accounts::import::AccountImporter), Arc::new(grants::import::GrantImporter)],
        exporters: || vec![Arc::new(units::export::UnitExporter), Arc::new(accounts::export::AccountExporter), Arc::new(grants::export::GrantExporter)],
        background: |context| vec![Box::pin(keys::rotation::run(context.clone())), Box::pin(sessions::expiry::run(context))],
    }
}

fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    units::routes(routes, context);
    accounts::routes(routes, context);
    roles::routes(routes, context);
    grants::routes(routes, context);
    sessions::routes(routes, context);
    me::routes(routes, context);
    code_lists::routes(routes, context);
}

fn internal_routes(routes: &mut actix_web::web::ServiceConfig, context: &ServiceContext) {
    authority::routes(routes, context);
    sessions::internal_routes(routes, context);
}
