//! What an account holds today, as read from a service's own copies.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{OptionalExtension, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_domain::ids::{AccountId, TenantId};
use registrar_store::{Connection, Keep, StoreError, StoreResult};
use uuid::Uuid;

use crate::{Role, reach::Reach};

/// An account on a local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    pub tenant: TenantId,
    pub account: AccountId,
    pub today: NaiveDate,
}

/// What an account holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub display_name: String,
    pub staff_id: Option<Uuid>,
    pub status: String,
    pub valid_after: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    pub roles: BTreeSet<Role>,
    pub tenant_roles: BTreeSet<Role>,
    pub class_roles: BTreeSet<Role>,
    pub reach: Option<Arc<Reach>>,
}

/// What an account held when it was read.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub held: Held,
    read_at: Instant,
    renewed: AtomicBool,
}

impl Remembered {
    /// What was begun to be read then.
    pub fn of(held: Held, read_at: Instant) -> Arc<Self> {
        Arc::new(Remembered { held, read_at, renewed: AtomicBool::new(false) })
    }

    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.read_at > other.read_at
    }

    /// Whether it is to be read again, of all who ask once: when three quarters of the time for which it counts have passed.
    pub fn is_due(&self, counts_for: Duration) -> bool {
        self.read_at.elapsed() * 4 >= counts_for * 3 && !self.renewed.swap(true, Ordering::Relaxed)
    }
}

impl Held {
    /// Reads it; none of an account that is not known. The owner of units and grants changes them in the transactions in
    /// which it decides, so that how far they reach is asked in each of its queries and not here.
    pub async fn load(conn: &mut Connection, holder: Holder, owner: bool) -> StoreResult<Option<Self>> {
        let query =
            sql_query(HELD).bind::<sql_types::Uuid, _>(Uuid::from(holder.account)).bind::<sql_types::Uuid, _>(Uuid::from(holder.tenant)).bind::<sql_types::Date, _>(holder.today);
        let Some(row): Option<Row> = Keep(query).get_result(conn).await.optional().map_err(StoreError::from)? else { return Ok(None) };
        let roles = |names: &[String]| names.iter().filter_map(|name| Role::from_code(name).ok()).collect::<BTreeSet<Role>>();
        let (held, tenant_roles) = (roles(&row.roles), roles(&row.tenant_roles));
        let reach = if owner {
            None
        } else if held.is_subset(&tenant_roles) {
            // Whoever holds all roles everywhere needs no list of units.
            Some(Reach::default())
        } else {
            Some(Reach::load(conn, holder).await?)
        };
        Ok(Some(Held {
            display_name: row.display_name,
            staff_id: row.staff_id,
            status: row.status,
            valid_after: row.valid_after,
            as_of: row.as_of,
            roles: held,
            tenant_roles,
            class_roles: roles(&row.class_roles),
            reach: reach.map(Arc::new),
        }))
    }

    /// About how much memory it takes.
    pub fn kilobytes(&self) -> u32 {
        let units = self.reach.as_ref().map_or(0, |reach| reach.size());
        u32::try_from(1 + units * size_of::<Uuid>() / 1024).unwrap_or(u32::MAX)
    }
}

/// The account with the roles it holds today anywhere, those it holds over the whole tenant, and those it holds over some
/// classes.
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
                   and $3 between g.valid_from and least(g.valid_until, 'infinity')) as tenant_roles,
           array(select distinct g.role from grants g
                 where g.account_id = a.id and g.status = 'active' and cardinality(g.class_ids) > 0) as class_roles
    from accounts a where a.id = $1 and a.tenant_id = $2";

#[derive(QueryableByName)]
struct Row {
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
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    class_roles: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_read_again_by_one_and_before_it_has_run_out() {
        let held = Held {
            display_name: String::new(),
            staff_id: None,
            status: "active".into(),
            valid_after: DateTime::UNIX_EPOCH,
            as_of: DateTime::UNIX_EPOCH,
            roles: BTreeSet::new(),
            tenant_roles: BTreeSet::new(),
            class_roles: BTreeSet::new(),
            reach: None,
        };
        let read = |ago: u64| Remembered { held: held.clone(), read_at: Instant::now().checked_sub(Duration::from_secs(ago)).unwrap(), renewed: AtomicBool::new(false) };
        let hundred = Duration::from_secs(100);
        assert!(!read(70).is_due(hundred));
        let remembered = read(80);
        assert_eq!([remembered.is_due(hundred), remembered.is_due(hundred)], [true, false]);
    }
}
