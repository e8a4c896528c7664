//! How far an account's grants reach today: the units, read once and remembered with what the account holds, so that a
//! query compares ids instead of walking hierarchies for every record.

use std::sync::{Arc, OnceLock};

use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_domain::{EducationLevel, Hierarchy};
use registrar_store::{Connection, Keep, StoreResult};
use uuid::Uuid;

use crate::{Action, Role, held::Holder, policy::allows, schema::units};

/// Stands for no level where records and grants are compared: a grant over some levels reaches a record of none when it
/// reaches one of its unit's levels.
pub(crate) const NO_LEVEL: &str = "none";

/// So many units at most are few: a query that names them, or all but them, is planned fast.
const FEW: usize = 16;
/// For each unit that is not reached, so many that are: where fewer are, the others may have most of the records.
const OTHERS_AT_LEAST: usize = 8;

/// The units that grants reach which are not for some classes only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    parts: Vec<Part>,
    /// The tenant's units that no grant reaches, where they are at most [`FEW`] and the others more.
    rest: Option<Vec<Uuid>>,
    /// [`Reach::units`] of each action, put together when first asked for.
    units: [OnceLock<Units>; Action::ALL.len()],
}

/// Units in which an action is allowed.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    /// All of them.
    pub reached: Arc<Vec<Uuid>>,
    /// The tenant's other units, where they are at most [`FEW`]. A unit entered since is not among them.
    pub others: Option<Arc<Vec<Uuid>>>,
}

/// What grants of one role in one hierarchy for the same levels reach.
#[derive(Clone, Debug)]
struct Part {
    role: Role,
    hierarchy: Hierarchy,
    /// None when no level limits them.
    levels: Option<Vec<EducationLevel>>,
    units: Arc<Vec<Uuid>>,
    /// The units that have one of the levels.
    having: Vec<Uuid>,
}

impl Reach {
    pub async fn load(conn: &mut Connection, holder: Holder) -> StoreResult<Self> {
        let query = sql_query(REACH).bind::<sql_types::Uuid, _>(Uuid::from(holder.account)).bind::<sql_types::Date, _>(holder.today);
        let rows: Vec<Row> = Keep(query).load(conn).await?;
        // A role or level that a newer release knows and this one does not gives nothing here.
        let part = |row: Row| {
            let levels = row.levels.iter().filter_map(|code| EducationLevel::from_code(code).ok()).collect();
            Some(Part {
                role: Role::from_code(&row.role).ok()?,
                hierarchy: Hierarchy::from_code(&row.hierarchy).ok()?,
                levels: (!row.levels.is_empty()).then_some(levels),
                units: Arc::new(row.units),
                having: row.having,
            })
        };
        let parts: Vec<Part> = rows.into_iter().filter_map(part).collect();
        let reached = merged(parts.iter().map(|part| &part.units));
        let rest = if reached.len() > FEW { rest(conn, holder, &reached).await? } else { None };
        Ok(Reach { parts, rest, units: Default::default() })
    }

    /// How many ids it holds.
    pub fn size(&self) -> usize {
        self.parts.iter().map(|part| part.units.len() + part.having.len()).sum()
    }

    fn parts(&self, action: Action, hierarchy: Option<Hierarchy>) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| allows(part.role, action) && hierarchy.is_none_or(|hierarchy| part.hierarchy == hierarchy))
    }

    /// The units in which `action` is allowed for every education level, by grants in `hierarchy` when one is named.
    pub fn units(&self, action: Action, hierarchy: Option<Hierarchy>) -> Units {
        match (hierarchy, self.units.get(action as usize)) {
            (None, Some(known)) => known.get_or_init(|| self.units_by(action, None)).clone(),
            _ => self.units_by(action, hierarchy),
        }
    }

    fn units_by(&self, action: Action, hierarchy: Option<Hierarchy>) -> Units {
        let reached = merged(self.parts(action, hierarchy).filter(|part| part.levels.is_none()).map(|part| &part.units));
        Units { others: self.others(&reached).map(Arc::new), reached }
    }

    /// Whether all grants for `action` are in this hierarchy; not when there are none.
    pub fn is_only_in(&self, action: Action, hierarchy: Hierarchy) -> bool {
        let mut held = self.parts(action, None).map(|part| part.hierarchy).peekable();
        held.peek().is_some() && held.all(|known| known == hierarchy)
    }

    /// Whether `action` is allowed in few units, for whichever education levels.
    pub fn is_small(&self, action: Action) -> bool {
        self.parts(action, None).map(|part| part.units.len()).sum::<usize>() <= FEW
    }

    /// Whether `action` is allowed for every education level in one unit and no other, or in all but few units and for no
    /// level alone elsewhere; `placed` as in [`crate::Record`].
    pub fn is_most_or_one(&self, action: Action, placed: bool) -> bool {
        let units = self.units(action, None);
        let whole = self.parts(action, None).all(|part| part.levels.is_none());
        let most = units.others.as_ref().is_some_and(|others| others.len() * OTHERS_AT_LEAST <= units.reached.len());
        whole && ((placed && most) || units.reached.len() == 1)
    }

    /// The tenant's units that are not among these, if those are few.
    fn others(&self, reached: &[Uuid]) -> Option<Vec<Uuid>> {
        let by_other_grants = merged(self.parts.iter().map(|part| &part.units));
        let unreached = by_other_grants.iter().filter(|unit| reached.binary_search(unit).is_err());
        let others: Vec<Uuid> = self.rest.as_ref()?.iter().chain(unreached).copied().take(FEW + 1).collect();
        (others.len() <= FEW).then_some(others)
    }

    /// The units with the levels for which `action` is allowed there, where only some are.
    pub fn levels(&self, action: Action, hierarchy: Option<Hierarchy>) -> (Vec<Uuid>, Vec<&'static str>) {
        let limited = self.parts(action, hierarchy).filter_map(|part| Some((part, part.levels.as_ref()?)));
        let pairs = limited.flat_map(|(part, levels)| {
            let of_levels = part.units.iter().flat_map(move |unit| levels.iter().map(move |level| (*unit, level.as_str())));
            of_levels.chain(part.having.iter().map(|unit| (*unit, NO_LEVEL)))
        });
        pairs.unzip()
    }
}

/// All of these, each once and in order.
fn merged<'a>(mut parts: impl Iterator<Item = &'a Arc<Vec<Uuid>>>) -> Arc<Vec<Uuid>> {
    let first = parts.next().cloned().unwrap_or_default();
    let others: Vec<Uuid> = parts.flat_map(|units| units.iter().copied()).collect();
    if others.is_empty() {
        return first;
    }
    let mut all: Vec<Uuid> = first.iter().copied().chain(others).collect();
    all.sort_unstable();
    all.dedup();
    Arc::new(all)
}

/// The tenant's units that are not among these, if those are few.
async fn rest(conn: &mut Connection, holder: Holder, reached: &[Uuid]) -> StoreResult<Option<Vec<Uuid>>> {
    let others = units::table.filter(units::tenant_id.eq(Uuid::from(holder.tenant))).filter(units::id.ne_all(reached)).select(units::id);
    let others: Vec<Uuid> = others.limit(i64::try_from(FEW).unwrap_or_default() + 1).load(conn).await?;
    Ok((others.len() <= FEW).then_some(others))
}

/// Of grants that say the same of a unit at different times only one is followed: to look for the units below takes longest.
const REACH: &str = "
    select g.role, g.hierarchy, g.levels, array_agg(distinct a.unit_id) as units,
           coalesce(array_agg(distinct a.unit_id) filter (where u.education_levels && g.levels), '{}') as having
    from (select distinct unit_id, role, hierarchy, education_levels as levels from grants
          where account_id = $1 and status = 'active' and cardinality(class_ids) = 0
            and $2 between valid_from and least(valid_until, 'infinity')) g
    join units gu on gu.id = g.unit_id
    join unit_ancestors a on a.ancestor_id = g.unit_id and a.hierarchy = g.hierarchy
    join units u on u.id = a.unit_id
    where $2 between a.valid_from and least(a.valid_to, gu.closed_on)
    group by 1, 2, 3";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    role: String,
    #[diesel(sql_type = sql_types::Text)]
    hierarchy: String,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    levels: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Uuid>)]
    units: Vec<Uuid>,
    #[diesel(sql_type = sql_types::Array<sql_types::Uuid>)]
    having: Vec<Uuid>,
}
