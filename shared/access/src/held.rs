//! What an account holds today, as read from a service's own copies.

use std::{collections::BTreeSet, sync::Arc};

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
    pub roles: BTreeSet<Role>,
    pub tenant_roles: BTreeSet<Role>,
    pub class_roles: BTreeSet<Role>,
    pub reach: Option<Arc<Reach>>,
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
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    roles: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    tenant_roles: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    class_roles: Vec<String>,
}
