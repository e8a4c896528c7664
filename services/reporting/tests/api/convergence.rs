//! Events in any order, some of them twice, lead to the figures that a recount of the final states gives, as of any day
//! and in both hierarchies.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use registrar_access::Role;
use registrar_domain::{Hierarchy, TenantId, UnitId, UnitKind};
use registrar_events::Event;
use registrar_testkit::{Api, NewUnit, Superior, TestSystem};
use serde_json::Value;
use uuid::Uuid;

use crate::records::{State, day};

const UNITS: usize = 7;
const BOTH: [Hierarchy; 2] = [Hierarchy::Administrative, Hierarchy::Professional];

fn date(days: u64) -> NaiveDate {
    day("2025-01-01").checked_add_days(Days::new(days)).unwrap()
}

/// A version of a record; its unit may be one that nobody ever heard of.
#[derive(Clone, Debug)]
struct Version {
    unit: usize,
    level: usize,
    gender: usize,
    category: usize,
    from: u64,
    to: Option<u64>,
    ended: bool,
}

/// One superior until a day and, from the next day, another one: both are units made before.
#[derive(Clone, Debug)]
struct Superiors {
    first: usize,
    second: usize,
    change: Option<u64>,
}

#[derive(Clone, Debug)]
struct Case {
    superiors: Vec<[Superiors; 2]>,
    staff: Vec<Vec<Version>>,
    enrolments: Vec<Vec<Version>>,
    order: u64,
    batch: usize,
    days: Vec<u64>,
}

fn version() -> impl Strategy<Value = Version> {
    (0..=UNITS + 1, 0_usize..3, 0_usize..2, 0_usize..3, 0_u64..360, option::of(0_u64..360), prop::bool::weighted(0.2))
        .prop_map(|(unit, level, gender, category, from, to, ended)| Version { unit, level, gender, category, from, to, ended })
}

fn superiors() -> impl Strategy<Value = Superiors> {
    (0_usize..UNITS, 0_usize..UNITS, option::of(1_u64..360)).prop_map(|(first, second, change)| Superiors { first, second, change })
}

fn case() -> impl Strategy<Value = Case> {
    let records = || vec(vec(version(), 1..5), 0..14);
    (vec([superiors(), superiors()], UNITS), records(), records(), any::<u64>(), 1_usize..40, vec(0_u64..400, 2))
        .prop_map(|(superiors, staff, enrolments, order, batch, days)| Case { superiors, staff, enrolments, order, batch, days })
}

impl Version {
    fn state(&self, units: &[UnitId], grades: bool) -> State {
        let categories = if grades { ["1", "10", ""] } else { ["teacher", "manager", ""] };
        State {
            unit: units.get(self.unit).map_or(Uuid::from_u128(9), |unit| Uuid::from(*unit)),
            level: [None, Some("TH"), Some("THCS")][self.level],
            gender: ["female", "male"][self.gender],
            category: categories[self.category],
            from: date(self.from),
            to: self.to.map(date),
            ended: self.ended,
        }
    }
}

impl Superiors {
    /// Of the unit of this number, which has the root and those made before it to choose from.
    fn on(&self, unit: usize, day: NaiveDate) -> usize {
        match self.change {
            Some(change) if day > date(change) => self.second % (unit + 1),
            _ => self.first % (unit + 1),
        }
    }
}

/// A tenant with its units, the root first.
struct World {
    tenant: TenantId,
    units: Vec<UnitId>,
    api: Api,
}

impl World {
    async fn new(system: &TestSystem, case: &Case) -> Self {
        let tenant = system.new_tenant("Bộ").await.unwrap();
        let mut units = vec![UnitId::from(Uuid::from(tenant))];
        for (number, both) in case.superiors.iter().enumerate() {
            let mut superiors = Vec::new();
            for (hierarchy, of) in BOTH.into_iter().zip(both) {
                let (first, second) = (units[of.first % (number + 1)], units[of.second % (number + 1)]);
                superiors.push(Superior { hierarchy, unit: first, valid_from: day("2000-01-01"), valid_to: of.change.map(date) });
                superiors.extend(of.change.map(|change| Superior { hierarchy, unit: second, valid_from: date(change + 1), valid_to: None }));
            }
            units.push(system.unit(NewUnit { superiors, ..NewUnit::new(tenant, UnitKind::Other, &format!("{number}")) }).await.unwrap());
        }
        let api = system.client_of(&system.account(Role::Administrator, units[0]).await.unwrap());
        World { tenant, units, api }
    }

    /// The units from this one up to the root.
    fn chain(&self, case: &Case, hierarchy: usize, day: NaiveDate, mut unit: usize) -> Vec<usize> {
        let mut chain = vec![unit];
        while unit > 0 {
            unit = case.superiors[unit - 1][hierarchy].on(unit - 1, day);
            chain.push(unit);
        }
        chain
    }
}

/// All versions of all records as events, shuffled and some of them twice; half of the records were restored once.
fn events(world: &World, case: &Case, system: &TestSystem) -> Vec<Event> {
    let mut events = Vec::new();
    for (grades, records) in [(false, &case.staff), (true, &case.enrolments)] {
        for (place, versions) in records.iter().enumerate() {
            let id = system.new_id();
            for (number, version) in versions.iter().enumerate() {
                let number = i64::try_from(number).unwrap();
                let order = if place % 2 == 0 && number > 0 { (2, number) } else { (1, number + 10) };
                let state = version.state(&world.units, grades);
                events.push(if grades { state.enrolment(world.tenant, id, order) } else { state.staff(world.tenant, id, order) });
            }
        }
    }
    let mut random = case.order | 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let again: Vec<Event> = events.iter().filter(|_| next() % 3 == 0).cloned().collect();
    events.extend(again);
    let mut keyed: Vec<(u64, Event)> = events.into_iter().map(|event| (next(), event)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, event)| event).collect()
}

/// Unit, level, gender and category of everybody counted on the day, by the final states alone.
fn counted(case: &Case, records: &[Vec<Version>], on: NaiveDate) -> Vec<Version> {
    let finals = records.iter().filter_map(|versions| versions.last());
    let is_counted = |version: &&Version| {
        let lasts = version.to.is_none_or(|to| on <= date(to));
        date(version.from) <= on && lasts && (version.to.is_some() || !version.ended) && version.unit <= case.superiors.len()
    };
    finals.filter(is_counted).cloned().collect()
}

fn shown(row: &Value, dimensions: &[&str]) -> Vec<String> {
    dimensions.iter().map(|name| row[*name].as_str().unwrap_or_default().to_owned()).collect()
}

async fn compare(world: &World, case: &Case, subject: &str, on: NaiveDate) -> Result<(), TestCaseError> {
    let records = if subject == "staff" { &case.staff } else { &case.enrolments };
    let present = counted(case, records, on);
    let category = if subject == "staff" { "position_group" } else { "grade" };
    for (number, hierarchy) in BOTH.into_iter().enumerate() {
        let chains: Vec<(Vec<usize>, State)> = present.iter().map(|v| (world.chain(case, number, on, v.unit), v.state(&world.units, subject == "students"))).collect();
        for unit in [0, 2] {
            let within: Vec<&(Vec<usize>, State)> = chains.iter().filter(|(chain, _)| chain.contains(&unit)).collect();
            let base = format!("/v1/reports/headcounts?subject={subject}&on={on}&hierarchy={hierarchy}&unit_id={}", world.units[unit]);

            let mut expected: BTreeMap<Vec<String>, i64> = BTreeMap::new();
            for (_, state) in &within {
                *expected.entry(vec![state.level.unwrap_or_default().into(), state.gender.into(), state.category.into()]).or_default() += 1;
            }
            let answer = world.api.get(format!("{base}&by=education_level,gender,{category}")).await.ok();
            let rows = answer.at("/items").as_array().unwrap();
            let found: BTreeMap<Vec<String>, i64> = rows.iter().map(|row| (shown(row, &["education_level", "gender", category]), row["count"].as_i64().unwrap())).collect();
            prop_assert_eq!(&found, &expected, "{} {} below {} on {}", subject, hierarchy, unit, on);
            prop_assert_eq!(answer.at("/total").as_u64(), u64::try_from(within.len()).ok());

            for depth in [1, 2] {
                let mut expected: BTreeMap<String, i64> = BTreeMap::new();
                for (chain, _) in &within {
                    let above = chain.iter().position(|above| *above == unit).unwrap();
                    *expected.entry(world.units[chain[above.saturating_sub(depth)]].to_string()).or_default() += 1;
                }
                let answer = world.api.get(format!("{base}&by=unit&depth={depth}")).await.ok();
                let rows = answer.at("/items").as_array().unwrap();
                let found = rows.iter().map(|row| (row["unit"]["id"].as_str().unwrap().to_owned(), row["count"].as_i64().unwrap()));
                let found: BTreeMap<String, i64> = found.filter(|(_, count)| *count > 0).collect();
                prop_assert_eq!(found, expected, "{} {} below {} on {}, {} deep", subject, hierarchy, unit, on, depth);
            }
        }
    }
    Ok(())
}

#[test]
fn shuffled_and_repeated_events_give_the_figures_of_a_recount() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = runtime.block_on(TestSystem::start(vec![registrar_reporting::service()])).unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, max_shrink_iters: 200, ..Config::default() });
    let checked = runner.run(&case(), |case| {
        runtime.block_on(async {
            let world = World::new(&system, &case).await;
            for batch in events(&world, &case, &system).chunks(case.batch) {
                system.deliver("reporting", batch).await.unwrap();
            }
            prop_assert_eq!(system.parked("reporting").await.unwrap(), Vec::new());
            for on in case.days.iter().map(|days| date(*days)) {
                compare(&world, &case, "staff", on).await?;
                compare(&world, &case, "students", on).await?;
            }
            Ok(())
        })
    });
    drop(system);
    checked.unwrap();
}
