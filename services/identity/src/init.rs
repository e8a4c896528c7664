//! The first records of a tenant: its root unit, its administrator, a key to sign with.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, QueryDsl, dsl::exists, select};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Role};
use registrar_domain::{AccountId, Code, EducationLevels, Hierarchy, PersonName, TenantId, UnitKind};
use registrar_store::{Connection, Db, StoreError, StoreResult, authored};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    accounts::{
        credentials,
        model::{AccountInput, AccountStatus},
        password,
    },
    grants::model::NewGrant,
    keys,
    schema::{accounts, grants, units},
    units::model::UnitInput,
};

/// A tenant to be made.
#[derive(Debug)]
pub struct NewTenant {
    /// The code of its root unit, by which people name it when they sign in.
    pub code: String,
    /// The root unit's name.
    pub name: String,
    /// The root unit's kind.
    pub kind: UnitKind,
    /// The name with which its administrator signs in.
    pub administrator_username: String,
    /// The administrator's password.
    pub password: SecretString,
}

/// Makes a tenant: its root unit, whose id is the tenant's, and an account that holds the role of administrator there
/// and so everywhere in the tenant; and a signing key when there is none.
///
/// # Errors
/// [`StoreError::Conflict`] when a tenant of this code exists, [`StoreError::Invalid`] for a code, name or password
/// that is none.
pub async fn init(db: &Db, secret: &SecretString, now: DateTime<Utc>, tenant: NewTenant) -> StoreResult<(TenantId, AccountId)> {
    let (tenant_id, account_id) = (TenantId::new_v7(), AccountId::new_v7());
    let access = Access::administrator(tenant_id, account_id, now, "init");
    let root = root_unit(&tenant, &access)?;
    root.check()?;
    if !(3..=100).contains(&tenant.administrator_username.chars().count()) || tenant.administrator_username.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("/administrator_username", "3 to 100 characters without spaces"));
    }
    password::check(&tenant.password, &tenant.administrator_username)?;
    let hash = password::hash(tenant.password.clone()).await?;
    let mut pooled = db.get().await?;
    let conn: &mut Connection = &mut pooled;
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        let same_code = units::table.filter(units::code.eq(root.code.as_str())).filter(units::id.eq(units::tenant_id));
        if select(exists(same_code)).get_result(conn).await? {
            return Err(StoreError::Conflict { constraint: "tenants_unique_code".into() });
        }
        crate::units::store::insert(conn, &access, tenant_id.into(), &root).await?;
        insert_account(conn, &access, &tenant.administrator_username, &hash).await?;
        insert_grant(conn, &access).await?;
        Ok(())
    })
    .await?;
    keys::store::ensure_key(conn, secret, now).await?;
    db.committed();
    Ok((tenant_id, account_id))
}

fn invalid(pointer: &str, detail: &str) -> StoreError {
    StoreError::Invalid { pointer: pointer.into(), code: "invalid", detail: detail.into() }
}

fn root_unit(tenant: &NewTenant, access: &Access) -> StoreResult<UnitInput> {
    Ok(UnitInput {
        code: Code::parse(&tenant.code).map_err(|error| invalid("/code", &error.to_string()))?,
        name: tenant.name.clone(),
        kind: tenant.kind,
        education_levels: EducationLevels::EMPTY,
        website: None,
        phone: None,
        email: None,
        address: None,
        area: None,
        opened_on: access.today,
        closed_on: None,
        superiors: Vec::new(),
    })
}

async fn insert_account(conn: &mut Connection, access: &Access, username: &str, hash: &str) -> StoreResult<()> {
    let display_name = PersonName::parse("Quản trị hệ thống").map_err(|error| invalid("/display_name", &error.to_string()))?;
    let (tenant, account) = (Uuid::from(access.tenant), Uuid::from(access.account));
    let input = AccountInput { display_name, unit_id: tenant.into(), staff_id: None, status: AccountStatus::Active };
    diesel::insert_into(accounts::table)
        .values((accounts::id.eq(account), accounts::tenant_id.eq(tenant), accounts::valid_after.eq(DateTime::UNIX_EPOCH), input.columns(), authored!(accounts, &access.author())))
        .execute(conn)
        .await?;
    credentials::insert(conn, tenant, account, username, Some(hash), access.now).await
}

/// A grant in the root reaches the whole tenant, in every hierarchy.
async fn insert_grant(conn: &mut Connection, access: &Access) -> StoreResult<()> {
    let new = NewGrant {
        account_id: access.account,
        role: Role::Administrator,
        unit_id: Uuid::from(access.tenant).into(),
        hierarchy: Some(Hierarchy::Professional),
        education_levels: EducationLevels::EMPTY,
        class_ids: Vec::new(),
        valid_from: None,
        valid_until: None,
        note: None,
    };
    diesel::insert_into(grants::table)
        .values((
            grants::id.eq(Uuid::now_v7()),
            grants::tenant_id.eq(Uuid::from(access.tenant)),
            new.columns(access.today)?,
            grants::given_by.eq(Uuid::from(access.account)),
            authored!(grants, &access.author()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
