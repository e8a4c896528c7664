//! From a bearer token to an [`Access`]: the signature is checked once and remembered, the account and its grants
//! are read from the service's own copy and remembered for a moment, and a copy too old to trust refuses.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use moka::future::Cache;
use registrar_domain::{
    EducationLevel, Hierarchy,
    ids::{AccountId, StaffId, TenantId, UnitId},
};
use registrar_store::{Author, Clock, Condition, Connection, Db, Keep, StoreError, StoreResult, TextArray, schema::access_log};
use uuid::Uuid;

use crate::{
    Action, Record, Role,
    policy::{allows, roles_for},
    schema::{authority_freshness, signing_keys, units},
    scope,
    token::{self, Claims},
};

/// How an [`Authority`] judges.
#[derive(Clone, Debug)]
pub struct AuthorityOptions {
    /// True in identity itself, whose tables are the facts and never stale.
    pub owner: bool,
    /// How old the copies may be before writes and sensitive reads are refused.
    pub refuse_after: Duration,
    /// Hours ahead of UTC at which a local day begins (7 in Viet Nam, 8 in China).
    pub utc_offset_hours: i32,
    /// How long what an account holds is remembered instead of read again, besides the time its copy takes to arrive. The
    /// owner remembers nothing.
    pub remember: Duration,
}

impl Default for AuthorityOptions {
    fn default() -> Self {
        AuthorityOptions { owner: false, refuse_after: Duration::from_secs(60), utc_offset_hours: 7, remember: Duration::ZERO }
    }
}

/// Why a caller is not let in at all.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No valid token, or one of an account that may not use it: 401.
    #[error("unauthenticated: {0}")]
    Unauthenticated(String),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What of a request belongs to its author, whoever that is.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The request's id.
    pub request_id: Uuid,
    /// Whether the request waited for something that may have changed what its author holds.
    pub waited: bool,
}

/// Decides who a caller is and what they hold. One per service; cheap to clone.
#[derive(Clone)]
pub struct Authority {
    db: Db,
    clock: Clock,
    options: AuthorityOptions,
    verified: Cache<String, Claims>,
    keys: Cache<String, (String, String)>,
    held: Cache<(TenantId, AccountId, NaiveDate), Arc<Held>>,
}

impl Authority {
    /// An authority over the copies in `db`.
    #[must_use]
    pub fn new(db: Db, clock: Clock, options: AuthorityOptions) -> Self {
        let verified = Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(300)).build();
        let keys = Cache::builder().max_capacity(64).time_to_live(Duration::from_secs(60)).build();
        let held = Cache::builder().max_capacity(100_000).time_to_live(options.remember).build();
        Authority { db, clock, options, verified, keys, held }
    }

    /// The claims of a valid token.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] for anything but a token of ours that has not expired.
    pub async fn authenticate(&self, bearer: &str) -> Result<Claims, Refusal> {
        let now = self.clock.now();
        if let Some(claims) = self.verified.get(bearer).await {
            return if claims.exp > now.timestamp() { Ok(claims) } else { Err(Refusal::Unauthenticated("expired".into())) };
        }
        let kid = token::key_id(bearer).map_err(|error| Refusal::Unauthenticated(error.to_string()))?;
        let (x, y) = self.key(&kid, now).await?;
        let claims = token::verify(bearer, &x, &y, now).map_err(|error| Refusal::Unauthenticated(error.to_string()))?;
        self.verified.insert(bearer.to_owned(), claims.clone()).await;
        Ok(claims)
    }

    async fn key(&self, kid: &str, now: DateTime<Utc>) -> Result<(String, String), Refusal> {
        if let Some(key) = self.keys.get(kid).await {
            return Ok(key);
        }
        let mut conn = self.db.get().await?;
        let key: Option<(String, String)> = signing_keys::table
            .filter(signing_keys::kid.eq(kid))
            .filter(signing_keys::not_after.gt(now))
            .select((signing_keys::x, signing_keys::y))
            .first(&mut conn)
            .await
            .optional()
            .map_err(StoreError::from)?;
        let key = key.ok_or_else(|| Refusal::Unauthenticated("unknown key".into()))?;
        self.keys.insert(kid.to_owned(), key.clone()).await;
        Ok(key)
    }

    /// Whether authority data have ever arrived here, a key to check tokens with among them; before that a service can
    /// decide nothing.
    ///
    /// # Errors
    /// Only when the database cannot be asked.
    pub async fn has_been_filled(&self, conn: &mut Connection) -> StoreResult<bool> {
        if self.options.owner {
            return Ok(true);
        }
        let filled = diesel::dsl::sql::<sql_types::Bool>("as_of > '-infinity' and exists (select from signing_keys)");
        Ok(authority_freshness::table.select(filled).first(conn).await.optional()?.unwrap_or(false))
    }

    /// What the account of these claims may do now.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] when the account is unknown here, disabled, or has withdrawn the token.
    pub async fn access(&self, claims: &Claims, caller: Caller) -> Result<Access, Refusal> {
        let (tenant, account, today) = (TenantId::from(claims.tenant), AccountId::from(claims.sub), self.today());
        let held = match self.held.get(&(tenant, account, today)).await {
            Some(held) if !caller.waited && !self.options.owner => held,
            _ => {
                let held = Arc::new(self.held(tenant, account, today).await?);
                if !self.options.remember.is_zero() {
                    self.held.insert((tenant, account, today), held.clone()).await;
                }
                held
            }
        };
        let access = self.judge(&held, (tenant, account, today), &claims.client_id, caller.request_id)?;
        if access.valid_after.timestamp() > claims.iat {
            return Err(Refusal::Unauthenticated("the token was withdrawn".into()));
        }
        Ok(Access { session: claims.sid, ..access })
    }

    /// What an account may do now, for work that goes on after its request, such as an import.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] when the account is unknown here or disabled.
    pub async fn access_of(&self, tenant: TenantId, account: AccountId, client: &str, request_id: Uuid) -> Result<Access, Refusal> {
        let today = self.today();
        let held = self.held(tenant, account, today).await?;
        self.judge(&held, (tenant, account, today), client, request_id)
    }

    fn today(&self) -> NaiveDate {
        local_date(self.clock.now(), self.options.utc_offset_hours)
    }

    async fn held(&self, tenant: TenantId, account: AccountId, today: NaiveDate) -> Result<Held, Refusal> {
        let query = sql_query(HELD).bind::<sql_types::Uuid, _>(Uuid::from(account)).bind::<sql_types::Uuid, _>(Uuid::from(tenant)).bind::<sql_types::Date, _>(today);
        let held = Keep(query).get_result(&mut *self.db.get().await?).await.optional().map_err(StoreError::from)?;
        held.ok_or_else(|| Refusal::Unauthenticated("unknown account".into()))
    }

    fn judge(&self, held: &Held, (tenant, account, today): (TenantId, AccountId, NaiveDate), client: &str, request_id: Uuid) -> Result<Access, Refusal> {
        if held.status != "active" {
            return Err(Refusal::Unauthenticated("the account is disabled".into()));
        }
        let now = self.clock.now();
        let roles = |names: &[String]| names.iter().filter_map(|name| Role::from_code(name).ok()).collect();
        let age = now.signed_duration_since(held.as_of);
        let stale = !self.options.owner && age > TimeDelta::from_std(self.options.refuse_after).unwrap_or(TimeDelta::MAX);
        Ok(Access {
            tenant,
            account,
            staff: held.staff_id.map(StaffId::from),
            display_name: held.display_name.clone(),
            client: client.to_owned(),
            request_id,
            session: Uuid::nil(),
            now,
            today,
            valid_after: held.valid_after,
            roles: roles(&held.roles),
            tenant_roles: roles(&held.tenant_roles),
            stale,
        })
    }
}

/// The account with the roles it holds today anywhere, and those it holds over the whole tenant.
const HELD: &str = "
    select a.display_name, a.staff_id, a.status,
           greatest(a.valid_after, timestamptz '1970-01-01') as valid_after,
           greatest((select as_of from authority_freshness), timestamptz '1970-01-01') as as_of,
           array(select distinct g.role from grants g join units u on u.id = g.unit_id
                 where g.account_id = a.id and g.status = 'active'
                   and $3 between g.valid_from and least(g.valid_until, u.closed_on, 'infinity')) as roles,
           array(select distinct g.role from grants g
                 where g.account_id = a.id and g.status = 'active' and g.unit_id = a.tenant_id
                   and cardinality(g.education_levels) = 0 and cardinality(g.class_ids) = 0
                   and $3 between g.valid_from and least(g.valid_until, 'infinity')) as tenant_roles
    from accounts a where a.id = $1 and a.tenant_id = $2";

#[derive(Clone, Debug, QueryableByName)]
struct Held {
    #[diesel(sql_type = sql_types::Text)]
    display_name: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Uuid>)]
    staff_id: Option<Uuid>,
    #[diesel(sql_type = sql_types::Text)]
    status: String,
    #[diesel(sql_type = sql_types::Timestamptz)]
    valid_after: DateTime<Utc>,
    #[diesel(sql_type = sql_types::Timestamptz)]
    as_of: DateTime<Utc>,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    roles: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    tenant_roles: Vec<String>,
}

fn local_date(now: DateTime<Utc>, utc_offset_hours: i32) -> NaiveDate {
    match FixedOffset::east_opt(utc_offset_hours.saturating_mul(3600)) {
        Some(offset) => now.with_timezone(&offset).date_naive(),
        None => now.date_naive(),
    }
}

/// Who is doing something, and what they hold. Every store function takes one.
#[derive(Clone, Debug)]
pub struct Access {
    /// The tenant; every query names it.
    pub tenant: TenantId,
    /// The acting account.
    pub account: AccountId,
    /// The staff record of the person behind the account; rights over a class follow from it.
    pub staff: Option<StaffId>,
    /// How the person is called.
    pub display_name: String,
    /// The application.
    pub client: String,
    /// The request.
    pub request_id: Uuid,
    /// The session; nil for work that goes on after its request.
    pub session: Uuid,
    /// The moment of the request.
    pub now: DateTime<Utc>,
    /// The local day of the request.
    pub today: NaiveDate,
    valid_after: DateTime<Utc>,
    roles: BTreeSet<Role>,
    tenant_roles: BTreeSet<Role>,
    stale: bool,
}

impl Access {
    /// The administrator of a whole tenant: for `registrar init` and for tests of stores.
    #[must_use]
    pub fn administrator(tenant: TenantId, account: AccountId, now: DateTime<Utc>, client: &str) -> Self {
        let roles = BTreeSet::from([Role::Administrator]);
        Access {
            tenant,
            account,
            staff: None,
            display_name: client.to_owned(),
            client: client.to_owned(),
            request_id: Uuid::now_v7(),
            session: Uuid::nil(),
            now,
            today: local_date(now, 7),
            valid_after: DateTime::UNIX_EPOCH,
            tenant_roles: roles.clone(),
            roles,
            stale: false,
        }
    }

    /// The author columns of what this access writes.
    #[must_use]
    pub fn author(&self) -> Author {
        Author { at: self.now, account: self.account.into(), on_behalf_of: None, client: self.client.clone(), request_id: self.request_id }
    }

    /// The roles held today in some unit.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        self.roles.iter().copied()
    }

    /// Whether some role held today allows `action`, somewhere.
    #[must_use]
    pub fn has_role_for(&self, action: Action) -> bool {
        self.roles.iter().any(|role| allows(*role, action))
    }

    /// Whether `action` is allowed for every record of the tenant.
    #[must_use]
    pub fn reaches_whole_tenant(&self, action: Action) -> bool {
        self.tenant_roles.iter().any(|role| allows(*role, action))
    }

    /// Refuses an action that no role held today allows anywhere, and one that must not be decided on stale copies.
    ///
    /// # Errors
    /// [`StoreError::Forbidden`], [`StoreError::AuthorityStale`].
    pub fn require(&self, action: Action) -> StoreResult<()> {
        self.require_fresh(action)?;
        if self.has_role_for(action) { Ok(()) } else { Err(StoreError::Forbidden(action.as_str())) }
    }

    /// Refuses an action that must not be decided on stale copies.
    ///
    /// # Errors
    /// [`StoreError::AuthorityStale`].
    pub fn require_fresh(&self, action: Action) -> StoreResult<()> {
        if self.stale && action.needs_fresh_authority() { Err(StoreError::AuthorityStale) } else { Ok(()) }
    }

    /// Notes that this caller saw sensitive fields of these records.
    ///
    /// # Errors
    /// When it cannot be noted; then they must not be shown.
    pub async fn log_read(&self, conn: &mut Connection, aggregate: &str, records: Vec<Uuid>, fields: &[&str]) -> StoreResult<()> {
        diesel::insert_into(access_log::table)
            .values((
                access_log::tenant_id.eq(Uuid::from(self.tenant)),
                access_log::account_id.eq(Uuid::from(self.account)),
                access_log::client.eq(&self.client),
                access_log::request_id.eq(self.request_id),
                access_log::aggregate.eq(aggregate),
                access_log::record_ids.eq(records),
                access_log::fields.eq(fields.to_vec()),
                access_log::read_at.eq(self.now),
            ))
            .execute(conn)
            .await?;
        Ok(())
    }

    /// The condition on records with which this caller may do `action`: a filter for a list, a column for one record.
    #[must_use]
    pub fn narrow(&self, action: Action, record: &Record) -> Condition {
        scope::condition(self, action, record, None)
    }

    /// The units that this caller's grants for `action` name, without those that stand below another of them.
    ///
    /// # Errors
    /// [`StoreError::Forbidden`] without any.
    pub async fn topmost_units(&self, conn: &mut Connection, action: Action) -> StoreResult<Vec<UnitId>> {
        self.require(action)?;
        if self.reaches_whole_tenant(action) {
            return Ok(vec![UnitId::from(Uuid::from(self.tenant))]);
        }
        let rows: Vec<Topmost> = sql_query(TOPMOST)
            .bind::<sql_types::Uuid, _>(Uuid::from(self.account))
            .bind::<sql_types::Array<sql_types::Text>, _>(roles_for(action))
            .bind::<sql_types::Date, _>(self.today)
            .load(conn)
            .await?;
        if rows.is_empty() { Err(StoreError::Forbidden(action.as_str())) } else { Ok(rows.into_iter().map(|row| UnitId::from(row.unit_id)).collect()) }
    }

    /// The codes of the education levels for which this caller may do `action` in each unit of a query on `units`;
    /// for [`GrantedUnit::new`]. With a hierarchy, only grants in that one count: they reach what stands below in it.
    #[must_use]
    pub fn levels(&self, action: Action, hierarchy: Option<Hierarchy>) -> TextArray {
        scope::levels(self, action, hierarchy)
    }

    /// Decides `action` in a unit, as for creating a record of this education level there; answers the unit.
    ///
    /// # Errors
    /// [`StoreError::NotYetKnown`] when the unit is not known here or its existence is not the caller's to know,
    /// [`StoreError::Forbidden`] outside the caller's grants.
    pub async fn in_unit(&self, conn: &mut Connection, action: Action, unit: UnitId, level: Option<EducationLevel>) -> StoreResult<KnownUnit> {
        let units = self.in_units(conn, action, &[unit]).await?;
        let granted = units.into_iter().next().ok_or_else(|| StoreError::NotYetKnown(format!("unit {unit}")))?;
        if granted.permits(level) { Ok(granted.unit) } else { Err(StoreError::Forbidden(action.as_str())) }
    }

    /// Decides `action` in many units; those unknown are left out, one forbidden refuses all.
    ///
    /// # Errors
    /// [`StoreError::Forbidden`].
    pub async fn in_units(&self, conn: &mut Connection, action: Action, ids: &[UnitId]) -> StoreResult<Vec<GrantedUnit>> {
        self.require_fresh(action)?;
        let ids: Vec<Uuid> = ids.iter().map(|id| Uuid::from(*id)).collect();
        let rows: Vec<(KnownUnit, Vec<String>, bool, bool)> = units::table
            .filter(units::tenant_id.eq(Uuid::from(self.tenant)))
            .filter(units::id.eq_any(ids))
            .select((KnownUnit::as_select(), self.levels(action, None), self.narrow(action, &Record::UNIT), self.narrow(Action::UnitsRead, &Record::UNIT)))
            .load(conn)
            .await?;
        if rows.iter().any(|(_, _, may, sees)| *sees && !may) {
            return Err(StoreError::Forbidden(action.as_str()));
        }
        Ok(rows.into_iter().filter(|(_, _, may, _)| *may).map(|(unit, levels, ..)| GrantedUnit::new(unit, levels)).collect())
    }
}

const TOPMOST: &str = "
    with held as (
        select g.unit_id, g.hierarchy from grants g join units u on u.id = g.unit_id
        where g.account_id = $1 and g.role = any($2) and g.status = 'active' and cardinality(g.class_ids) = 0
          and $3 between g.valid_from and least(g.valid_until, u.closed_on, 'infinity'))
    select distinct h.unit_id from held h
    where not exists (
        select 1 from held above join unit_ancestors a on a.ancestor_id = above.unit_id and a.hierarchy = above.hierarchy
        where a.unit_id = h.unit_id and a.depth > 0 and $3 between a.valid_from and a.valid_to)
    order by h.unit_id limit 100";

#[derive(QueryableByName)]
struct Topmost {
    #[diesel(sql_type = sql_types::Uuid)]
    unit_id: Uuid,
}

/// A unit in which a caller may do something, and for records of which education levels.
#[derive(Clone, Debug)]
pub struct GrantedUnit {
    /// The unit.
    pub unit: KnownUnit,
    levels: Vec<String>,
}

impl GrantedUnit {
    /// Of what a query selected with [`Access::levels`].
    #[must_use]
    pub fn new(unit: KnownUnit, levels: Vec<String>) -> Self {
        GrantedUnit { unit, levels }
    }

    /// Whether the action is allowed for every education level, and so for the unit as a whole.
    #[must_use]
    pub fn permits_every_level(&self) -> bool {
        self.levels.iter().any(|code| code == scope::EVERY_LEVEL)
    }

    /// Whether the action is allowed for a record of this level; one of no level belongs to whoever has one of the unit's.
    #[must_use]
    pub fn permits(&self, level: Option<EducationLevel>) -> bool {
        self.permits_every_level() || level.is_none_or(|level| self.levels.iter().any(|code| code == level.as_str()))
    }
}

/// A unit as every service knows it.
#[derive(Clone, Debug, diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = units)]
pub struct KnownUnit {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind, as text.
    pub kind: String,
    /// Its education levels, as codes.
    pub education_levels: Vec<String>,
    /// "open" or "closed".
    pub status: String,
}
