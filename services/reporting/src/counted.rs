//! What every report has in common: the unit that it is of and who may see it, the units below that have rows of their
//! own, how recent it is.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{
    Access, Action, GrantedUnit, KnownUnit, Record,
    schema::{authority_freshness, units},
};
use registrar_domain::{EducationLevel, Hierarchy, UnitId};
use registrar_http::{Caller, FieldError, Problem, ProblemKind};
use registrar_store::{Condition, Connection, Keep, StoreError, StoreResult};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A unit in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportUnit {
    /// Its id.
    pub id: Uuid,
    /// Its code (mã đơn vị).
    pub code: String,
    /// Its name today (tên đơn vị).
    pub name: String,
}

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportScope {
    /// The unit and everything below it.
    Within,
    /// The unit's own records only: those below it have rows of their own.
    Own,
}

/// How recent the figures of one source are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportSource {
    /// The service that owns the records.
    #[schema(example = "personnel")]
    pub source: String,
    /// Everything up to this moment is known to have arrived (identity), or the newest change that has arrived was made
    /// then (the others); null when nothing has.
    pub as_of: Option<DateTime<Utc>>,
}

/// A unit whose figures the caller may see.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The unit.
    pub unit: ReportUnit,
    /// The education levels to be counted; all when absent.
    pub levels: Option<Vec<EducationLevel>>,
    /// Whether the caller may see the persons behind the figures, and so figures of few persons too.
    pub sees_persons: bool,
}

/// The unit that a report is of: the one asked for, or the one at the top of the caller's grants.
///
/// # Errors
/// `bad_parameter` when there are several, `forbidden` without any.
pub async fn asked_unit(conn: &mut Connection, caller: &Caller, asked: Option<UnitId>) -> Result<UnitId, Problem> {
    if let Some(unit) = asked {
        return Ok(unit);
    }
    match caller.topmost_units(conn, Action::ReportsRead).await?.as_slice() {
        [unit] => Ok(*unit),
        _ => Err(bad("unit_id", "required", "your grants are over several units: name one")),
    }
}

/// The problem of one parameter.
pub(crate) fn bad(parameter: &str, code: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::BadParameter).errors(vec![FieldError { pointer: parameter.into(), code: code.into(), detail: detail.into() }])
}

/// The unit, and what of it the caller may see figures of. A grant reaches what stands below the unit in its own hierarchy;
/// counting along the other one would count others' schools too, unless nothing stands below. `sensitive` is the action of
/// those who may see the persons.
///
/// # Errors
/// [`StoreError::NotYetKnown`] for a unit that is not known here or not the caller's to know of,
/// [`StoreError::Forbidden`] outside the caller's grants.
pub async fn counted(conn: &mut Connection, access: &Access, sensitive: Action, unit: UnitId, hierarchy: Hierarchy, on: NaiveDate) -> StoreResult<Counted> {
    access.require(Action::ReportsRead)?;
    let unknown = || StoreError::NotYetKnown(format!("unit {unit}"));
    let alone = Condition::sql(format!("not exists (select 1 from unit_ancestors b where b.ancestor_id = units.id and b.depth > 0 and b.hierarchy = '{hierarchy}' and "))
        .date(on)
        .and_sql(" between b.valid_from and b.valid_to)");
    let levels = |action| (access.levels(action, Some(hierarchy)), access.levels(action, None));
    type Levels = (Vec<String>, Vec<String>);
    type Seen = (KnownUnit, Levels, Levels, bool, bool);
    let (unit, reported, personal, alone, sees): Seen = units::table
        .filter(units::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(units::id.eq(Uuid::from(unit)))
        .select((KnownUnit::as_select(), levels(Action::ReportsRead), levels(sensitive), alone, access.narrow(Action::UnitsRead, &Record::UNIT)))
        .first(conn)
        .await
        .optional()?
        .ok_or_else(unknown)?;
    let granted = |(below, itself): Levels| GrantedUnit::new(unit.clone(), if alone { itself } else { below });
    let (reported, personal) = (granted(reported), granted(personal));
    let permitted = |granted: &GrantedUnit| EducationLevel::ALL.iter().copied().filter(|level| granted.permits(Some(*level))).collect::<Vec<_>>();
    let levels = if reported.permits_every_level() { None } else { Some(permitted(&reported)) };
    if levels.as_ref().is_some_and(Vec::is_empty) {
        return Err(if sees { StoreError::Forbidden(Action::ReportsRead.as_str()) } else { unknown() });
    }
    let covers = personal.permits_every_level() || levels.as_ref().is_some_and(|levels| levels.iter().all(|level| personal.permits(Some(*level))));
    let unit = ReportUnit { id: unit.id, code: unit.code, name: unit.name };
    Ok(Counted { unit, levels, sees_persons: covers && access.require_fresh(sensitive).is_ok() })
}

/// A unit that a report has rows for.
#[derive(Clone, Debug, QueryableByName)]
pub struct RowUnit {
    /// The unit.
    #[diesel(sql_type = sql_types::Uuid)]
    pub id: Uuid,
    /// Its code.
    #[diesel(sql_type = sql_types::Text)]
    pub code: String,
    /// Its name.
    #[diesel(sql_type = sql_types::Text)]
    pub name: String,
    /// Whether only its own records belong to its rows, not those of the units below it.
    #[diesel(sql_type = sql_types::Bool)]
    pub own: bool,
    /// Whether it was open on the day.
    #[diesel(sql_type = sql_types::Bool)]
    pub open: bool,
}

impl RowUnit {
    /// As reports show it.
    #[must_use]
    pub fn shown(&self) -> ReportUnit {
        ReportUnit { id: self.id, code: self.code.clone(), name: self.name.clone() }
    }

    /// What its rows count.
    #[must_use]
    pub fn scope(&self) -> ReportScope {
        if self.own { ReportScope::Own } else { ReportScope::Within }
    }
}

/// Which units have rows of their own.
#[derive(Clone, Copy, Debug)]
pub struct Below {
    /// Those below this one,
    pub unit: Uuid,
    /// in this hierarchy,
    pub hierarchy: Hierarchy,
    /// on this day,
    pub on: NaiveDate,
    /// this many levels down. What lies higher has rows of its own records, so that rows add up to the whole.
    pub depth: i64,
}

/// The units by code from a place on, that place included.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn row_units(conn: &mut Connection, access: &Access, below: &Below, from: (&str, &str), limit: i64) -> StoreResult<Vec<RowUnit>> {
    let query = sql_query(ROW_UNITS)
        .bind::<sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<sql_types::Uuid, _>(below.unit)
        .bind::<sql_types::Text, _>(below.hierarchy.as_str())
        .bind::<sql_types::Date, _>(below.on)
        .bind::<sql_types::BigInt, _>(below.depth)
        .bind::<sql_types::Text, _>(from.0)
        .bind::<sql_types::Text, _>(from.1)
        .bind::<sql_types::BigInt, _>(limit);
    Ok(Keep(query).load(conn).await?)
}

/// $1 tenant, $2 unit, $3 hierarchy, $4 day, $5 depth, $6 and $7 the code and id to begin with, $8 limit. No more than these
/// are read of each level, however many there are.
const ROW_UNITS: &str = r#"
    select u.id, u.code, u.name, b.depth < $5 as own, $4 between u.opened_on and coalesce(u.closed_on, 'infinity') as open
    from generate_series(0, $5) level
    cross join lateral (
        select * from unit_ancestors
        where ancestor_id = $2 and hierarchy = $3 and depth = level and $4 between valid_from and valid_to
          and (code, unit_id::text collate "C") >= ($6, $7)
        order by code, unit_id::text collate "C"
        limit $8
    ) b
    join units u on u.id = b.unit_id and u.tenant_id = $1
    order by b.code, b.unit_id::text collate "C"
    limit $8"#;

/// How recent a report is: when the newest change that has arrived came about, of units and of what is counted.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn sources(conn: &mut Connection, aggregates: &[&str]) -> StoreResult<Vec<ReportSource>> {
    #[derive(QueryableByName)]
    struct Newest {
        #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>)]
        occurred_at: Option<DateTime<Utc>>,
    }
    let units: Vec<DateTime<Utc>> = authority_freshness::table.filter(authority_freshness::as_of.gt(DateTime::UNIX_EPOCH)).select(authority_freshness::as_of).load(conn).await?;
    let newest = sql_query("select max(occurred_at) as occurred_at from newest_changes where aggregate = any($1)").bind::<sql_types::Array<sql_types::Text>, _>(aggregates);
    let newest: Newest = newest.get_result(conn).await?;
    let service = aggregates.first().and_then(|aggregate| aggregate.split('.').next()).unwrap_or_default();
    let source = |source: &str, as_of| ReportSource { source: source.to_owned(), as_of };
    Ok(vec![source("identity", units.into_iter().next()), source(service, newest.occurred_at)])
}
