//! How far an action reaches: one SQL condition for a single record and for a list.

use std::sync::Arc;

use diesel::sql_types::{Array, Text};
use registrar_domain::{EducationLevel, Hierarchy};
use registrar_store::{Computed, Condition};

use crate::{
    Access, Action, policy,
    reach::{NO_LEVEL, Reach},
};

/// Where a kind of record keeps what grants speak of. The texts are SQL expressions of the query they are used in.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The tenant's id.
    pub tenant: &'static str,
    /// The unit the record belongs to.
    pub unit: &'static str,
    /// The record's education level; none when only its unit has levels.
    pub level: Option<&'static str>,
    /// The record's class; none when it belongs to no class.
    pub class: Option<&'static str>,
    /// Whether a record is only ever entered at a unit that this service knows, as an owner's are; one of a copy may
    /// arrive before its unit.
    pub placed: bool,
}

impl Record {
    /// A unit itself.
    pub const UNIT: Record = Record { tenant: "units.tenant_id", unit: "units.id", level: None, class: None, placed: false };
}

/// Writes the condition under which `access` may do `action` with a record, by a grant in `hierarchy` when one is named.
pub(crate) fn condition(access: &Access, action: Action, record: &Record, hierarchy: Option<Hierarchy>) -> Condition {
    let tenant = Condition::sql(format!("{} = ", record.tenant)).uuid(access.tenant.into());
    if access.reaches_whole_tenant(action) {
        return tenant;
    }
    if !access.has_role_for(action) {
        return tenant.and_sql(" and false");
    }
    let granted = match &access.reach {
        Some(reach) => reached(access, reach, action, record, hierarchy),
        None => walked(access, action, record, hierarchy, Grants::All),
    };
    tenant.and_sql(" and ").followed_by(granted)
}

/// The condition by what is known of the grants' reach; only grants over some classes are looked at record by record.
fn reached(access: &Access, reach: &Reach, action: Action, record: &Record, hierarchy: Option<Hierarchy>) -> Condition {
    let unit = record.unit;
    let reached_units = reach.units(action, hierarchy);
    let mut condition = match (reached_units.others, reached_units.reached.as_slice()) {
        (Some(others), _) if record.placed => Condition::sql(format!("({unit} <> all(")).uuids(others).and_sql(")"),
        // Rows of one unit are in the order of an index.
        (_, [only]) => Condition::sql(format!("({unit} = ")).uuid(*only),
        _ => Condition::sql(format!("({unit} = any(")).uuids(reached_units.reached).and_sql(")"),
    };
    let (units, levels) = reach.levels(action, hierarchy);
    if !units.is_empty() {
        let level = record.level.map_or_else(|| format!("'{NO_LEVEL}'"), |level| format!("coalesce({level}, '{NO_LEVEL}')"));
        condition = condition.and_sql(format!(" or ({unit}, {level}) in (select * from unnest(")).uuids(Arc::new(units)).and_sql(", ").texts(levels).and_sql("))");
    }
    if access.class_roles.iter().any(|role| policy::allows(*role, action)) {
        condition = condition.and_sql(" or ").followed_by(walked(access, action, record, hierarchy, Grants::OverClasses));
    }
    condition.and_sql(")")
}

/// Which grants are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grants {
    All,
    OverClasses,
}

/// The condition that looks up from a record's unit for a grant above it.
fn walked(access: &Access, action: Action, record: &Record, hierarchy: Option<Hierarchy>, grants: Grants) -> Condition {
    let unit = record.unit;
    let units_levels = format!("exists (select 1 from units u where u.id = {unit} and u.education_levels && g.education_levels)");
    let levels = match record.level {
        Some(level) => format!("{level} = any(g.education_levels) or ({level} is null and {units_levels})"),
        None => units_levels,
    };
    let classes = match (record.class, action) {
        (Some(class), _) => format!("cardinality(g.class_ids) = 0 or {class} = any(g.class_ids)"),
        // A grant over some classes lets its holder see the school they are in, and nothing else of it.
        (None, Action::UnitsRead | Action::SchoolYearsRead) => "true".to_owned(),
        (None, _) => "cardinality(g.class_ids) = 0".to_owned(),
    };
    let some_classes = if grants == Grants::OverClasses { " and cardinality(g.class_ids) > 0" } else { "" };
    let only = hierarchy.map(|hierarchy| format!(" and g.hierarchy = '{hierarchy}'")).unwrap_or_default();
    Condition::sql(
        "exists (select 1 from grants g \
         join units gu on gu.id = g.unit_id \
         join unit_ancestors a on a.ancestor_id = g.unit_id and a.hierarchy = g.hierarchy \
         where g.status = 'active' and g.account_id = ",
    )
    .uuid(access.account.into())
    .and_sql(" and g.role = any(")
    .texts(policy::roles_for(action))
    .and_sql(") and ")
    .date(access.today)
    .and_sql(format!(
        " between greatest(g.valid_from, a.valid_from) and least(g.valid_until, a.valid_to, gu.closed_on) \
         and a.unit_id = {unit} and (cardinality(g.education_levels) = 0 or {levels}) and ({classes}){some_classes}{only})"
    ))
}

/// What stands in [`levels`] for an action that no education level limits: no level has an empty code.
pub(crate) const EVERY_LEVEL: &str = "";

/// The codes of the education levels for which `access` may do `action` in a unit, by a grant in `hierarchy` when one is
/// named; [`EVERY_LEVEL`] among them when all.
pub(crate) fn levels(access: &Access, action: Action, hierarchy: Option<Hierarchy>) -> Computed<Array<Text>> {
    let codes = std::iter::once(EVERY_LEVEL).chain(EducationLevel::ALL.iter().map(|level| level.as_str())).collect();
    let within = condition(access, action, &Record { level: Some("l.code"), ..Record::UNIT }, hierarchy);
    Condition::sql("array(select l.code from unnest(").texts(codes).and_sql("::text[]) l (code) where ").followed_by(within).and_sql(")").into()
}
