//! What a caller holds, and the decisions that follow from it.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName, SelectableHelper, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_domain::{
    EducationLevel, Hierarchy,
    ids::{AccountId, StaffId, TenantId, UnitId},
};
use registrar_store::{Author, Computed, Condition, Connection, StoreError, StoreResult, schema::access_log};
use uuid::Uuid;

use crate::{
    Action, Record, Role,
    authority::local_date,
    policy::{allows, roles_for},
    reach::Reach,
    schema::units,
    scope,
};

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
    pub(crate) valid_after: DateTime<Utc>,
    pub(crate) roles: BTreeSet<Role>,
    /// Those held over the whole tenant.
    pub(crate) tenant_roles: BTreeSet<Role>,
    /// Those held over some classes only, by some grant.
    pub(crate) class_roles: BTreeSet<Role>,
    /// How far grants reach that are not for some classes only; none where every query is to ask anew.
    pub(crate) reach: Option<Arc<Reach>>,
    pub(crate) stale: bool,
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
            class_roles: BTreeSet::new(),
            reach: None,
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

    /// Whether `action` is allowed in so few units that looking into each is the fastest way to a list.
    #[must_use]
    pub fn reaches_few_units(&self, action: Action) -> bool {
        let everywhere = self.reaches_whole_tenant(action) || self.class_roles.iter().any(|role| allows(*role, action));
        !everywhere && self.reach.as_ref().is_some_and(|reach| reach.is_small(action))
    }

    /// Whether `action` is allowed for nearly all records of the tenant, or for all of one unit: read in the order of an
    /// index, hardly any has to be left out.
    #[must_use]
    pub fn reaches_most_or_one(&self, action: Action, record: &Record) -> bool {
        let by_class = self.class_roles.iter().any(|role| allows(*role, action));
        self.reaches_whole_tenant(action) || (!by_class && self.reach.as_ref().is_some_and(|reach| reach.is_most_or_one(action, record.placed)))
    }

    /// The hierarchy that a caller means who names none: the professional one, unless all grants for `action` are in the other.
    #[must_use]
    pub fn usual_hierarchy(&self, action: Action) -> Hierarchy {
        let elsewhere = !self.reaches_whole_tenant(action) && self.reach.as_ref().is_some_and(|reach| reach.is_only_in(action, Hierarchy::Administrative));
        if elsewhere { Hierarchy::Administrative } else { Hierarchy::Professional }
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
    pub fn levels(&self, action: Action, hierarchy: Option<Hierarchy>) -> Computed<sql_types::Array<sql_types::Text>> {
        scope::levels(self, action, hierarchy)
    }

    /// Decides `action` in a unit, as for creating a record of this education level there; answers the unit.
    ///
    /// # Errors
    /// [`StoreError::NotYetKnown`] when the unit is not known here or its existence is not the caller's to know,
    /// [`StoreError::Forbidden`] outside the caller's grants.
    pub async fn in_unit(&self, conn: &Connection, action: Action, unit: UnitId, level: Option<EducationLevel>) -> StoreResult<KnownUnit> {
        let units = self.in_units(conn, action, &[unit]).await?;
        let granted = units.into_iter().next().ok_or_else(|| StoreError::NotYetKnown(format!("unit {unit}")))?;
        if granted.permits(level) { Ok(granted.unit) } else { Err(StoreError::Forbidden(action.as_str())) }
    }

    /// Decides `action` in many units; those unknown are left out, one forbidden refuses all.
    ///
    /// # Errors
    /// [`StoreError::Forbidden`].
    pub async fn in_units(&self, mut conn: &Connection, action: Action, ids: &[UnitId]) -> StoreResult<Vec<GrantedUnit>> {
        self.require_fresh(action)?;
        let ids: Vec<Uuid> = ids.iter().map(|id| Uuid::from(*id)).collect();
        let rows: Vec<(KnownUnit, Vec<String>, bool, bool)> = units::table
            .filter(units::tenant_id.eq(Uuid::from(self.tenant)))
            .filter(units::id.eq_any(ids))
            .select((KnownUnit::as_select(), self.levels(action, None), self.narrow(action, &Record::UNIT), self.narrow(Action::UnitsRead, &Record::UNIT)))
            .load(&mut conn)
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
