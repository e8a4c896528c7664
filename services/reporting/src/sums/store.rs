//! The query behind every figure.

use chrono::NaiveDate;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_domain::{EducationLevel, Hierarchy, TenantId};
use registrar_store::{Connection, Keep, StoreResult};
use uuid::Uuid;

use super::calendar::{Calendar, Span};

/// Which figures are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose.
    pub tenant: TenantId,
    /// Of what, as in `headcount_divisions`.
    pub subject: &'static str,
    /// As of which day.
    pub on: NaiveDate,
    /// Rolled up which hierarchy.
    pub hierarchy: Hierarchy,
    /// The numbers of the dimensions to divide by: one and 0, or two, the greater first.
    pub by: (i16, i16),
    /// Of these education levels only; of all when absent.
    pub levels: Option<Vec<EducationLevel>>,
}

/// A unit that figures are wanted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The unit.
    pub unit: Uuid,
    /// With what stands below it.
    pub within: bool,
}

/// How many there are under one combination; texts are empty where there is nothing.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Figure {
    /// Which of the targets.
    #[diesel(sql_type = sql_types::Integer)]
    pub target: i32,
    /// The education level.
    #[diesel(sql_type = sql_types::Text)]
    pub education_level: String,
    /// The value of the first dimension.
    #[diesel(sql_type = sql_types::Text)]
    pub a_value: String,
    /// The value of the second one.
    #[diesel(sql_type = sql_types::Text)]
    pub b_value: String,
    /// How many.
    #[diesel(sql_type = sql_types::BigInt)]
    pub count: i64,
}

/// How far the sums have got, for reports of one day.
#[derive(QueryableByName)]
pub struct State {
    #[diesel(sql_type = sql_types::Date)]
    opening: NaiveDate,
    #[diesel(sql_type = sql_types::Date)]
    today: NaiveDate,
    #[diesel(sql_type = sql_types::Array<sql_types::Uuid>)]
    moved: Vec<Uuid>,
    #[diesel(sql_type = sql_types::Array<sql_types::Uuid>)]
    anchored: Vec<Uuid>,
}

impl State {
    /// As it is in the present transaction: the first that a report asks for, since it settles how the rest is read.
    ///
    /// # Errors
    /// Only when the database cannot be asked.
    pub async fn on(conn: &mut Connection, day: NaiveDate) -> StoreResult<Self> {
        Ok(Keep(sql_query(STATE).bind::<sql_types::Date, _>(day)).get_result(conn).await?)
    }

    /// What adds up to the headcount of the units on a day; none when it must be counted.
    fn spans(&self, wanted: &Wanted, targets: &[Target]) -> Option<Vec<Span>> {
        let anchored = wanted.subject == ANCHORED && targets.iter().all(|target| self.anchored.contains(&target.unit));
        Calendar { opening: self.opening, today: self.today }.spans(wanted.on, anchored)
    }
}

/// The figures of units. Divided by two dimensions there must be one target only: what stands in a unit itself is summed
/// up by single dimensions, and counted where two are wanted.
///
/// The caller reads in one transaction of one state, `repeatable read`: sums and what is pending belong together.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn figures(conn: &mut Connection, state: &State, wanted: &Wanted, targets: &[Target]) -> StoreResult<Vec<Figure>> {
    let spans = state.spans(wanted, targets);
    let pair = wanted.by.1 > 0;
    let sources = match (&spans, state.moved.is_empty()) {
        (None, _) => vec![FACTS],
        (Some(_), true) => vec![SUMS, PENDING],
        (Some(_), false) => vec![SUMS, PENDING, MOVED],
    };
    let own = if pair && spans.is_some() { vec![OWN] } else { Vec::new() };
    let sources: Vec<&str> = sources.into_iter().chain(own).collect();
    // The plan of what is asked every day is kept; counting facts needs one made for its units and days.
    let settled = spans.is_some() && state.moved.is_empty();
    let rows = Rows::of(targets, wanted.hierarchy, pair && spans.is_some());
    let spans = spans.unwrap_or_default();
    let levels: Option<Vec<&str>> = wanted.levels.as_ref().map(|levels| levels.iter().map(|level| level.as_str()).collect());
    let first = targets.iter().map(|target| target.unit).next();
    let column = |of: fn(&Span) -> Option<NaiveDate>| spans.iter().map(of).collect::<Vec<Option<NaiveDate>>>();
    let query = sql_query(STATEMENT.replace("{sources}", &sources.join(" union all ")))
        .bind::<sql_types::Uuid, _>(Uuid::from(wanted.tenant))
        .bind::<sql_types::Text, _>(wanted.subject)
        .bind::<sql_types::Date, _>(wanted.on)
        .bind::<sql_types::SmallInt, _>(wanted.by.0)
        .bind::<sql_types::SmallInt, _>(wanted.by.1)
        .bind::<sql_types::Nullable<sql_types::Array<sql_types::Text>>, _>(levels)
        .bind::<sql_types::Array<sql_types::Integer>, _>(rows.targets)
        .bind::<sql_types::Array<sql_types::Uuid>, _>(rows.units)
        .bind::<sql_types::Array<sql_types::Text>, _>(rows.hierarchies)
        .bind::<sql_types::Array<sql_types::Text>, _>(spans.iter().map(|span| span.name).collect::<Vec<_>>())
        .bind::<sql_types::Array<sql_types::Nullable<sql_types::Date>>, _>(column(|span| span.first))
        .bind::<sql_types::Array<sql_types::Nullable<sql_types::Date>>, _>(column(|span| span.last))
        .bind::<sql_types::Array<sql_types::Integer>, _>(spans.iter().map(|span| span.sign).collect::<Vec<_>>())
        .bind::<sql_types::Array<sql_types::Uuid>, _>(&state.moved)
        .bind::<sql_types::Nullable<sql_types::Uuid>, _>(first);
    Ok(if settled { Keep(query).load(conn).await? } else { query.load(conn).await? })
}

/// The targets, once for themselves and once for what stands below them.
#[derive(Default)]
struct Rows {
    targets: Vec<i32>,
    units: Vec<Uuid>,
    hierarchies: Vec<&'static str>,
}

impl Rows {
    fn of(targets: &[Target], hierarchy: Hierarchy, only_below: bool) -> Self {
        let mut rows = Rows::default();
        for (number, target) in (0..).zip(targets) {
            for (wanted, name) in [(!only_below, "own"), (target.within, hierarchy.as_str())] {
                if wanted {
                    rows.targets.push(number);
                    rows.units.push(target.unit);
                    rows.hierarchies.push(name);
                }
            }
        }
        rows
    }
}

/// The subject of which large units have the years' beginnings.
const ANCHORED: &str = "students";

/// $1 day. What is read next is read by hashing, whose rows the planner does not foresee; where it is sums, by plans made once:
/// to make one takes longer than to read them. A sort that cannot be done without counts as so dear then that the statement would
/// be compiled to machine code.
const STATE: &str = "
    select opening, today, moved, array(select unit_id from headcount_anchored) as anchored,
           set_config('enable_sort', 'off', true), set_config('jit', 'off', true),
           case when moved = '{}' and $1 >= opening then set_config('plan_cache_mode', 'force_generic_plan', true) end
    from headcount_calendar
    cross join lateral (select array(select distinct unit_id from headcount_moved) as moved) m";

/// $1 tenant, $2 subject, $3 day, $4 and $5 the dimensions, $6 levels; the targets: $7 their numbers, $8 units and $9
/// hierarchies; the spans: $10 names, $11 first and $12 last days and $13 signs; $14 moved units, $15 the first target.
const STATEMENT: &str = "
    with targets as materialized (select * from unnest($7, $8, $9) t (target, unit_id, hierarchy)),
    figures as ({sources})
    select target, split_part(levels, '|', 1) as education_level, a_value, b_value, sum(count) as count
    from figures
    where $6 is null or string_to_array(levels, '|') && $6
    group by 1, 2, 3, 4
    having sum(count) <> 0";

/// What is summed up; as integers, of which sums are made quickly. `offset 0` has the planner look each span up, rather than read all spans of a unit.
const SUMS: &str = "
    select t.target, s.levels, s.a_value, s.b_value, s.delta::integer * span.sign as count
    from targets t
    cross join unnest($10, $11, $12, $13) span (name, first, last, sign)
    cross join lateral (
        select * from headcount_sums s
        where s.unit_id = t.unit_id and s.series = $2 || '/' || t.hierarchy || '/' || $4 || '.' || $5 || '/' || span.name
          and s.on_date between coalesce(span.first, '-infinity') and coalesce(span.last, '-infinity')
        offset 0
    ) s";

/// What is not yet, where the sums will have it.
const PENDING: &str = "
    select t.target, case when d.education_level = '' then p.levels else d.education_level end, d.dimensions[$4], coalesce(d.dimensions[nullif($5, 0)], ''), d.delta::integer
    from headcount_pending d
    join headcount_placements p on p.unit_id = d.unit_id and p.tenant_id = d.tenant_id and $3 between p.valid_from and p.valid_to
    join targets t on t.unit_id = p.ancestor_id and t.hierarchy = p.hierarchy
    where d.tenant_id = $1 and d.subject = $2 and d.on_date <= $3";

/// What the sums have in the wrong place: in one place too much, in another too little. Where that is must be found out
/// once, and then who is there: of units that have just arrived the planner knows too little to choose an order.
const MOVED: &str = "
    (with misplaced as materialized (
        select t.target, p.unit_id, p.levels, p.sign
        from headcount_misplaced p
        join targets t on t.unit_id = p.ancestor_id and t.hierarchy = p.hierarchy
        where p.unit_id = any($14) and p.tenant_id = $1 and $3 between p.valid_from and p.valid_to
    )
    select p.target, case when f.education_level = '' then p.levels else f.education_level end, f.dimensions[$4], coalesce(f.dimensions[nullif($5, 0)], ''), p.sign
    from misplaced p
    cross join lateral (
        select * from headcount_facts f
        where f.unit_id = p.unit_id and f.tenant_id = $1 and f.subject = $2 and $3 between f.from_date and f.to_date
        offset 0
    ) f)";

/// What stands in the first target itself.
const OWN: &str = "
    select 0, case when f.education_level = '' then p.levels else f.education_level end, f.dimensions[$4], f.dimensions[$5], 1
    from headcount_places p
    join headcount_facts f on f.unit_id = p.unit_id and f.tenant_id = p.tenant_id
    where p.unit_id = $15 and p.hierarchy = 'own' and p.tenant_id = $1 and f.unit_id = $15
      and f.subject = $2 and $3 between f.from_date and f.to_date";

/// Everything, counted fact by fact.
const FACTS: &str = "
    (with placed as materialized (
        select t.target, p.unit_id, p.levels
        from targets t
        join headcount_places p on p.ancestor_id = t.unit_id and p.hierarchy = t.hierarchy and $3 between p.valid_from and p.valid_to
        where p.tenant_id = $1
    )
    select p.target, case when f.education_level = '' then p.levels else f.education_level end as levels,
           f.dimensions[$4] as a_value, coalesce(f.dimensions[nullif($5, 0)], '') as b_value, 1 as count
    from placed p
    join headcount_facts f on f.unit_id = p.unit_id and f.tenant_id = $1
    where f.subject = $2 and $3 between f.from_date and f.to_date)";
