//! Units, accounts and grants for services that run without identity: written straight into the copies that every
//! running service decides on, as identity's events would have filled them.

use std::{fmt::Display, sync::Arc};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::{
    sql_query,
    sql_types::{Array, Date, Jsonb, Nullable, Text, Timestamptz, Uuid as Uuid_},
};
use diesel_async::RunQueryDsl;
use registrar_access::{
    Role,
    token::{Claims, ISSUER, KeyPair, sign},
};
use registrar_domain::{
    education::EducationLevel,
    ids::{AccountId, StaffId, TenantId, UnitId},
    text::search_key,
    unit::{Hierarchy, UnitKind},
};
use serde_json::json;
use uuid::Uuid;

use crate::{Api, TestClock, TestSystem, system::IDENTITY};

/// Since when everything that is not said otherwise exists.
const LONG_AGO: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// A unit above another one.
#[derive(Clone, Debug)]
pub struct Superior {
    /// In which hierarchy.
    pub hierarchy: Hierarchy,
    /// Which unit.
    pub unit: UnitId,
    /// The first day.
    pub valid_from: NaiveDate,
    /// The last day, if there is one.
    pub valid_to: Option<NaiveDate>,
}

/// A unit to be added.
#[derive(Clone, Debug)]
pub struct NewUnit {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its kind.
    pub kind: UnitKind,
    /// Its code; made from its id when none is given.
    pub code: Option<String>,
    /// Its name.
    pub name: String,
    /// Its education levels.
    pub education_levels: Vec<EducationLevel>,
    /// The units above it, past ones included.
    pub superiors: Vec<Superior>,
    /// Its first day.
    pub opened_on: NaiveDate,
    /// Its last day, when it is closed.
    pub closed_on: Option<NaiveDate>,
}

impl NewUnit {
    /// An open unit without levels, directly below the root of its tenant in both hierarchies.
    #[must_use]
    pub fn new(tenant: TenantId, kind: UnitKind, name: &str) -> Self {
        let unit = NewUnit { tenant, kind, code: None, name: name.to_owned(), education_levels: Vec::new(), superiors: Vec::new(), opened_on: LONG_AGO, closed_on: None };
        unit.below(UnitId::from(Uuid::from(tenant)))
    }

    /// Below this unit in both hierarchies, and no other.
    #[must_use]
    pub fn below(mut self, unit: UnitId) -> Self {
        let both = [Hierarchy::Administrative, Hierarchy::Professional];
        self.superiors = both.into_iter().map(|hierarchy| Superior { hierarchy, unit, valid_from: LONG_AGO, valid_to: None }).collect();
        self
    }

    /// Below this unit in one hierarchy, instead of what was said before of that one.
    #[must_use]
    pub fn below_in(mut self, hierarchy: Hierarchy, unit: UnitId) -> Self {
        self.superiors.retain(|superior| superior.hierarchy != hierarchy);
        self.superiors.push(Superior { hierarchy, unit, valid_from: LONG_AGO, valid_to: None });
        self
    }

    /// With these education levels.
    #[must_use]
    pub fn levels(mut self, levels: &[EducationLevel]) -> Self {
        self.education_levels = levels.to_vec();
        self
    }
}

/// A grant to be given, with the account that gets it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The role.
    pub role: Role,
    /// In this unit and below.
    pub unit: UnitId,
    /// In which hierarchy.
    pub hierarchy: Hierarchy,
    /// Restricts to these education levels unless empty.
    pub education_levels: Vec<EducationLevel>,
    /// Restricts to these classes unless empty.
    pub class_ids: Vec<Uuid>,
    /// The staff record of the person behind the account.
    pub staff: Option<StaffId>,
    /// How the person is called.
    pub display_name: String,
    /// The first day of the grant.
    pub valid_from: NaiveDate,
    /// Its last day.
    pub valid_until: Option<NaiveDate>,
}

impl NewAccount {
    /// The role in this unit and below in the professional hierarchy, without an end.
    #[must_use]
    pub fn new(role: Role, unit: UnitId) -> Self {
        NewAccount {
            role,
            unit,
            hierarchy: Hierarchy::Professional,
            education_levels: Vec::new(),
            class_ids: Vec::new(),
            staff: None,
            display_name: format!("Test {}", role.as_str()),
            valid_from: LONG_AGO,
            valid_until: None,
        }
    }
}

/// Someone with an account.
#[derive(Clone)]
pub struct TestAccount {
    /// The account.
    pub id: AccountId,
    /// Its tenant.
    pub tenant: TenantId,
    key: Arc<KeyPair>,
    clock: TestClock,
}

impl TestAccount {
    /// An access token issued now, valid for 15 minutes.
    ///
    /// # Panics
    /// When the key of the tests cannot sign.
    #[must_use]
    pub fn token(&self) -> String {
        let now = self.clock.now();
        self.token_of(now, now + TimeDelta::minutes(15))
    }

    /// An access token with these times.
    ///
    /// # Panics
    /// When the key of the tests cannot sign.
    #[must_use]
    #[allow(clippy::expect_used, reason = "the key was made by the test kit")]
    pub fn token_of(&self, issued: DateTime<Utc>, expires: DateTime<Utc>) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: self.id.into(),
            tenant: self.tenant.into(),
            sid: self.id.into(),
            client_id: "test".to_owned(),
            iat: issued.timestamp(),
            exp: expires.timestamp(),
        };
        sign(&claims, &self.key.kid, &self.key.private_pem).expect("a key that signs")
    }
}

impl TestSystem {
    /// The tenant that systems without identity have from the start; its root unit is a ministry.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.root
    }

    /// The root unit of [`TestSystem::tenant`].
    #[must_use]
    pub fn root_unit(&self) -> UnitId {
        UnitId::from(Uuid::from(self.root))
    }

    /// The first tenant, the signing key, and copies that do not grow old.
    pub(crate) async fn seed(&self) -> Result<()> {
        self.add_root(self.root, "Bộ Giáo dục và Đào tạo").await?;
        let now = self.clock().now();
        for (_, db) in self.dbs() {
            sql_query("insert into signing_keys (id, tenant_id, kid, x, y, not_before, not_after) values ($1, $2, $3, $4, $5, $6, $7)")
                .bind::<Uuid_, _>(Uuid::from_u128(1))
                .bind::<Uuid_, _>(Uuid::from(self.root))
                .bind::<Text, _>(&self.key.kid)
                .bind::<Text, _>(&self.key.x)
                .bind::<Text, _>(&self.key.y)
                .bind::<Timestamptz, _>(now - TimeDelta::days(1))
                .bind::<Timestamptz, _>(now + TimeDelta::days(36_500))
                .execute(&mut db.get().await?)
                .await?;
        }
        self.authority_as_of(now + TimeDelta::days(36_500)).await
    }

    /// Says how recent the copies are known to be. They are always recent enough unless a test sets this back.
    ///
    /// # Errors
    /// When a database cannot be asked.
    pub async fn authority_as_of(&self, as_of: DateTime<Utc>) -> Result<()> {
        for (_, db) in self.dbs() {
            sql_query("update authority_freshness set as_of = $1").bind::<Timestamptz, _>(as_of).execute(&mut db.get().await?).await?;
        }
        Ok(())
    }

    /// A further tenant with a root unit of the same id.
    ///
    /// # Errors
    /// When identity runs here, or a database cannot be asked.
    pub async fn new_tenant(&self, name: &str) -> Result<TenantId> {
        let tenant = TenantId::from(self.new_id());
        self.add_root(tenant, name).await?;
        Ok(tenant)
    }

    async fn add_root(&self, tenant: TenantId, name: &str) -> Result<()> {
        let root = NewUnit { superiors: Vec::new(), ..NewUnit::new(tenant, UnitKind::Ministry, name) };
        self.insert_unit(UnitId::from(Uuid::from(tenant)), root).await
    }

    /// A provincial department of education (sở) below the root of the first tenant.
    ///
    /// # Errors
    /// When identity runs here, or a database cannot be asked.
    pub async fn department(&self, name: &str) -> Result<UnitId> {
        self.unit(NewUnit::new(self.root, UnitKind::Department, name)).await
    }

    /// A primary school below the root of the first tenant.
    ///
    /// # Errors
    /// When identity runs here, or a database cannot be asked.
    pub async fn school(&self, name: &str) -> Result<UnitId> {
        self.school_below(self.root_unit(), name).await
    }

    /// A primary school below a unit of the first tenant, in both hierarchies.
    ///
    /// # Errors
    /// When identity runs here, or a database cannot be asked.
    pub async fn school_below(&self, superior: UnitId, name: &str) -> Result<UnitId> {
        self.unit(NewUnit::new(self.root, UnitKind::Primary, name).below(superior).levels(&[EducationLevel::TH])).await
    }

    /// Any unit.
    ///
    /// # Errors
    /// When identity runs here, or a database cannot be asked.
    pub async fn unit(&self, unit: NewUnit) -> Result<UnitId> {
        let id = UnitId::from(self.new_id());
        self.insert_unit(id, unit).await?;
        Ok(id)
    }

    async fn insert_unit(&self, id: UnitId, unit: NewUnit) -> Result<()> {
        self.without_identity()?;
        let text = |value: &dyn Display| value.to_string();
        let superiors = unit.superiors.iter().map(|s| json!({"hierarchy": text(&s.hierarchy), "unit_id": s.unit, "valid_from": s.valid_from, "valid_to": s.valid_to}));
        let superiors = serde_json::Value::Array(superiors.collect());
        let levels: Vec<String> = unit.education_levels.iter().map(|level| text(level)).collect();
        let uuid = Uuid::from(id).simple().to_string();
        let code = unit.code.clone().unwrap_or_else(|| uuid.chars().skip(20).collect());
        for (_, db) in self.dbs() {
            sql_query(
                "insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, closed_on, status, superiors)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $9 is null then 'open' else 'closed' end, $10)",
            )
            .bind::<Uuid_, _>(Uuid::from(id))
            .bind::<Uuid_, _>(Uuid::from(unit.tenant))
            .bind::<Text, _>(&code)
            .bind::<Text, _>(&unit.name)
            .bind::<Text, _>(search_key(&unit.name))
            .bind::<Text, _>(text(&unit.kind))
            .bind::<Array<Text>, _>(&levels)
            .bind::<Date, _>(unit.opened_on)
            .bind::<Nullable<Date>, _>(unit.closed_on)
            .bind::<Jsonb, _>(&superiors)
            .execute(&mut db.get().await?)
            .await?;
        }
        self.tenants.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.insert(id, unit.tenant);
        Ok(())
    }

    /// An account that holds `role` in `unit` and below.
    ///
    /// # Errors
    /// When identity runs here, the unit was not added before, or a database cannot be asked.
    pub async fn account(&self, role: Role, unit: UnitId) -> Result<TestAccount> {
        self.account_with(NewAccount::new(role, unit)).await
    }

    /// An account with any grant.
    ///
    /// # Errors
    /// When identity runs here, the unit was not added before, or a database cannot be asked.
    pub async fn account_with(&self, account: NewAccount) -> Result<TestAccount> {
        self.without_identity()?;
        let tenant = self.tenants.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.get(&account.unit).copied().context("an unknown unit")?;
        let made = TestAccount { id: AccountId::from(self.new_id()), tenant, key: self.key.clone(), clock: self.clock().clone() };
        for (_, db) in self.dbs() {
            sql_query("insert into accounts (id, tenant_id, display_name, staff_id, status) values ($1, $2, $3, $4, 'active')")
                .bind::<Uuid_, _>(Uuid::from(made.id))
                .bind::<Uuid_, _>(Uuid::from(tenant))
                .bind::<Text, _>(&account.display_name)
                .bind::<Nullable<Uuid_>, _>(account.staff.map(Uuid::from))
                .execute(&mut db.get().await?)
                .await?;
        }
        self.grant(&made, &account).await?;
        Ok(made)
    }

    /// A further grant to an account; answers the grant's id. Of `grant` what concerns the account is not used.
    ///
    /// # Errors
    /// When identity runs here or a database cannot be asked.
    pub async fn grant(&self, account: &TestAccount, grant: &NewAccount) -> Result<Uuid> {
        self.without_identity()?;
        let id = self.new_id();
        let levels: Vec<String> = grant.education_levels.iter().map(ToString::to_string).collect();
        for (_, db) in self.dbs() {
            sql_query(
                "insert into grants (id, tenant_id, account_id, role, unit_id, hierarchy, education_levels, class_ids, valid_from, valid_until, status, given_by)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'active', $3)",
            )
            .bind::<Uuid_, _>(id)
            .bind::<Uuid_, _>(Uuid::from(account.tenant))
            .bind::<Uuid_, _>(Uuid::from(account.id))
            .bind::<Text, _>(grant.role.as_str())
            .bind::<Uuid_, _>(Uuid::from(grant.unit))
            .bind::<Text, _>(grant.hierarchy.to_string())
            .bind::<Array<Text>, _>(&levels)
            .bind::<Array<Uuid_>, _>(&grant.class_ids)
            .bind::<Date, _>(grant.valid_from)
            .bind::<Nullable<Date>, _>(grant.valid_until)
            .execute(&mut db.get().await?)
            .await?;
        }
        Ok(id)
    }

    /// Ends all grants of an account.
    ///
    /// # Errors
    /// When a database cannot be asked.
    pub async fn end_grants(&self, account: &TestAccount) -> Result<()> {
        for (_, db) in self.dbs() {
            sql_query("update grants set status = 'ended' where account_id = $1").bind::<Uuid_, _>(Uuid::from(account.id)).execute(&mut db.get().await?).await?;
        }
        Ok(())
    }

    /// Disables an account.
    ///
    /// # Errors
    /// When a database cannot be asked.
    pub async fn disable(&self, account: &TestAccount) -> Result<()> {
        for (_, db) in self.dbs() {
            sql_query("update accounts set status = 'disabled' where id = $1").bind::<Uuid_, _>(Uuid::from(account.id)).execute(&mut db.get().await?).await?;
        }
        Ok(())
    }

    /// A client with the account's token of this moment.
    #[must_use]
    pub fn client_of(&self, account: &TestAccount) -> Api {
        self.client().token(account.token())
    }

    fn without_identity(&self) -> Result<()> {
        ensure!(self.dbs().all(|(service, _)| service != IDENTITY), "identity runs here and owns these tables: use its routes");
        Ok(())
    }
}
