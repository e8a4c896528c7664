//! The query behind every figure.

use std::collections::HashMap;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Which of the targets.
    pub target: i32,
    /// The education level.
    pub education_level: String,
    /// The value of the first dimension.
    pub a_value: String,
    /// The value of the second one.
    pub b_value: String,
    /// How many.
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
    let pair = wanted.by.1 > 0 && spans.is_some();
    let others = match (&spans, state.moved.is_empty()) {
        (None, _) => vec![FACTS],
        (Some(_), true) => vec![LOOSE, PENDING],
        (Some(_), false) => vec![LOOSE, PENDING, MOVED],
    };
    let others: Vec<&str> = others.into_iter().chain(pair.then_some(OWN)).collect();
    // The plan of what is asked every day is kept; counting facts needs one made for its units and days.
    let settled = spans.is_some() && state.moved.is_empty();
    let rows = Rows::of(targets, wanted.hierarchy, pair);
    let spans = spans.unwrap_or_default();
    let column = |of: fn(&Span) -> Option<NaiveDate>| spans.iter().map(of).collect::<Vec<Option<NaiveDate>>>();
    let first = targets.iter().map(|target| target.unit).next();
    let query = sql_query(STATEMENT.replace("{others}", &others.join(" union all ")))
        .bind::<sql_types::Uuid, _>(Uuid::from(wanted.tenant))
        .bind::<sql_types::Text, _>(wanted.subject)
        .bind::<sql_types::Date, _>(wanted.on)
        .bind::<sql_types::SmallInt, _>(wanted.by.0)
        .bind::<sql_types::SmallInt, _>(wanted.by.1)
        .bind::<sql_types::Array<sql_types::Integer>, _>(rows.targets)
        .bind::<sql_types::Array<sql_types::Uuid>, _>(rows.units)
        .bind::<sql_types::Array<sql_types::Text>, _>(rows.hierarchies)
        .bind::<sql_types::Array<sql_types::Text>, _>(spans.iter().map(|span| span.name).collect::<Vec<_>>())
        .bind::<sql_types::Array<sql_types::Nullable<sql_types::Date>>, _>(column(|span| span.first))
        .bind::<sql_types::Array<sql_types::Nullable<sql_types::Date>>, _>(column(|span| span.last))
        .bind::<sql_types::Array<sql_types::Integer>, _>(spans.iter().map(|span| span.sign).collect::<Vec<_>>())
        .bind::<sql_types::Array<sql_types::Uuid>, _>(&state.moved)
        .bind::<sql_types::Nullable<sql_types::Uuid>, _>(first);
    let rows: Vec<Sums> = if settled { Keep(query).load(conn).await? } else { query.load(conn).await? };
    Ok(added_up(rows, wanted.levels.as_deref()))
}

/// Sums of a target: the n-th of each.
#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = sql_types::Integer)]
    target: i32,
    #[diesel(sql_type = sql_types::Integer)]
    sign: i32,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    levels: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    a_values: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Text>)]
    b_values: Vec<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Integer>)]
    deltas: Vec<i32>,
}

/// What the sums of some levels, or of all, come to; without those that come to nothing.
fn added_up(rows: Vec<Sums>, wanted: Option<&[EducationLevel]>) -> Vec<Figure> {
    let mut counts: HashMap<(i32, String, String, String), i64> = HashMap::new();
    for row in rows {
        for (((levels, a_value), b_value), delta) in row.levels.into_iter().zip(row.a_values).zip(row.b_values).zip(row.deltas) {
            if wanted.is_none_or(|wanted| levels.split('|').any(|level| wanted.iter().any(|one| one.as_str() == level))) {
                let education_level = levels.split('|').next().unwrap_or_default().to_owned();
                *counts.entry((row.target, education_level, a_value, b_value)).or_default() += i64::from(delta * row.sign);
            }
        }
    }
    let counted = counts.into_iter().filter(|(_, count)| *count != 0);
    counted.map(|((target, education_level, a_value, b_value), count)| Figure { target, education_level, a_value, b_value, count }).collect()
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

/// What is packed, and what is not or is not even summed up. $1 tenant, $2 subject, $3 day, $4 and $5 the dimensions; the
/// targets: $6 their numbers, $7 units and $8 hierarchies; the spans: $9 names, $10 first and $11 last days and $12 signs; $13
/// moved units, $14 the first target. `offset 0` has the planner look each span up, rather than read all spans of a unit.
const STATEMENT: &str = "
    with targets as materialized (select * from unnest($6, $7, $8) t (target, unit_id, hierarchy)),
    spans as materialized (
        select target, unit_id, $2 || '/' || hierarchy || '/' || $4 || '.' || $5 || '/' || name as series,
               coalesce(first, '-infinity') as first, coalesce(last, '-infinity') as last, sign
        from targets cross join unnest($9, $10, $11, $12) span (name, first, last, sign)
    )
    select s.target, s.sign, p.levels, p.a_values, p.b_values, p.deltas
    from spans s
    cross join lateral (select * from headcount_packed p where p.unit_id = s.unit_id and p.series = s.series and p.on_date between s.first and s.last offset 0) p
    union all
    select target, 1, array_agg(levels), array_agg(a_value), array_agg(b_value), array_agg(count::integer)
    from (
        select target, levels, a_value, b_value, sum(count) as count
        from ({others}) f (target, levels, a_value, b_value, count)
        group by 1, 2, 3, 4
    ) others
    group by target";

/// Sums that are not packed; as integers, which are added quickly.
const LOOSE: &str = "
    select s.target, l.levels, l.a_value, l.b_value, l.delta::integer * s.sign
    from spans s
    cross join lateral (select * from headcount_loose l where l.unit_id = s.unit_id and l.series = s.series and l.on_date between s.first and s.last offset 0) l";

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
        where p.unit_id = any($13) and p.tenant_id = $1 and $3 between p.valid_from and p.valid_to
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
    where p.unit_id = $14 and p.hierarchy = 'own' and p.tenant_id = $1 and f.unit_id = $14
      and f.subject = $2 and $3 between f.from_date and f.to_date";

/// Everything, counted fact by fact.
const FACTS: &str = "
    (with placed as materialized (
        select t.target, p.unit_id, p.levels
        from targets t
        join headcount_places p on p.ancestor_id = t.unit_id and p.hierarchy = t.hierarchy and $3 between p.valid_from and p.valid_to
        where p.tenant_id = $1
    )
    select p.target, case when f.education_level = '' then p.levels else f.education_level end,
           f.dimensions[$4], coalesce(f.dimensions[nullif($5, 0)], ''), 1
    from placed p
    join headcount_facts f on f.unit_id = p.unit_id and f.tenant_id = $1
    where f.subject = $2 and $3 between f.from_date and f.to_date)";
