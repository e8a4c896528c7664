//! Events in any order, some of them twice, lead to the figures that a recount of the final states gives: by any two
//! dimensions, as of any day, in both hierarchies, whenever what was pending was added up and whenever units moved.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use diesel_async::RunQueryDsl;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use registrar_events::Event;
use registrar_reporting::sums::{calendar::Calendar, job};
use registrar_testkit::TestSystem;
use serde_json::Value;

use crate::world::{BOTH, Case, Stay, Superiors, UNITS, Version, World, date};

const STAFF: [&str; 9] = ["gender", "age_band", "ethnic_group", "policy_category", "position_group", "position", "contract_form", "qualification", "training_standard"];
const STUDENTS: [&str; 5] = ["gender", "grade", "age_band", "ethnic_group", "policy_category"];

fn superiors() -> impl Strategy<Value = Vec<[Superiors; 2]>> {
    let one = || (0_usize..=UNITS, 0_usize..=UNITS, option::of(1_u64..900)).prop_map(|(first, second, change)| Superiors { first, second, change });
    vec([one(), one()], UNITS)
}

fn versions(stays: usize) -> impl Strategy<Value = Vec<Version>> {
    let stay = (0..=UNITS + 1, any::<u64>(), 0_u64..900, option::of(0_u64..900)).prop_map(|(unit, what, from, to)| Stay { unit, what, from, to });
    let version = (any::<u64>(), vec(stay, 1..=stays), prop::bool::weighted(0.2)).prop_map(|(person, stays, ended)| Version { person, stays, ended });
    vec(version, 1..4)
}

fn case() -> impl Strategy<Value = Case> {
    let people = (vec(versions(3), 0..10), vec(versions(1), 0..8), vec((0_usize..9, versions(1)), 0..12));
    let units = ([superiors(), superiors(), superiors()], any::<bool>());
    (units, people, any::<u64>(), 1_usize..30, vec(0_u64..980, 2)).prop_map(|((superiors, late), (staff, students, enrolments), order, batch, days)| Case {
        superiors,
        late,
        staff,
        students,
        enrolments,
        order,
        batch,
        days,
    })
}

/// Random numbers that follow from the case.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The events shuffled and some of them twice.
fn shuffled(events: Vec<Event>, random: &mut Random) -> Vec<Event> {
    let again: Vec<Event> = events.iter().filter(|_| random.next().is_multiple_of(3)).cloned().collect();
    let mut keyed: Vec<(u64, Event)> = events.into_iter().chain(again).map(|event| (random.next(), event)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, event)| event).collect()
}

/// Sums since the year before, so that some of the days that are asked for are earlier.
fn calendar(today: NaiveDate) -> Calendar {
    Calendar { opening: NaiveDate::from_ymd_opt(today.year() - 1, 1, 1).unwrap(), today }
}

/// Hands over all events, the moves of units among them or after all others, and adds up now and then, as if on another day.
async fn play(system: &TestSystem, world: &World, case: &Case) {
    let mut random = Random(case.order | 1);
    let (mut events, mut moves) = (world.events(system, case), world.moves(case));
    if !case.late {
        events.append(&mut moves);
    }
    for events in [events, moves] {
        for batch in shuffled(events, &mut random).chunks(case.batch) {
            system.deliver("reporting", batch).await.unwrap();
            if random.next().is_multiple_of(3) {
                add_up(system, &mut random).await;
            }
        }
        if case.late {
            add_up(system, &mut random).await;
        }
    }
}

async fn add_up(system: &TestSystem, random: &mut Random) {
    let today = date(800 + random.next() % 200);
    let mut conn = system.db("reporting").get().await.unwrap();
    job::catch_up(&mut conn, calendar(today)).await.unwrap();
    // Here every unit with another one below it may become a large one, and be packed, at any time.
    if random.next().is_multiple_of(2) {
        for _ in 0..UNITS {
            diesel::sql_query("select anchor_large_units(1)").execute(&mut conn).await.unwrap();
        }
    }
    if random.next().is_multiple_of(2) {
        job::pack(&mut conn).await.unwrap();
    }
}

fn rows(answer: &Value, by: &[&str]) -> BTreeMap<Vec<String>, i64> {
    let row = |row: &Value| (by.iter().map(|name| row[*name].as_str().unwrap_or_default().to_owned()).collect(), row["count"].as_i64().unwrap());
    answer.as_array().unwrap().iter().map(row).collect()
}

async fn compare(world: &World, case: &Case, subject: &str, on: NaiveDate) -> Result<(), TestCaseError> {
    let people = world.counted(case, subject, on);
    let dimensions: &[&str] = if subject == "staff" { &STAFF } else { &STUDENTS };
    for (number, hierarchy) in BOTH.into_iter().enumerate() {
        // The whole in one hierarchy, a part of it in the other one, by turns.
        let unit = if case.order.is_multiple_of(2) == (number == 0) { 0 } else { 2 };
        let within: Vec<_> = people.iter().map(|(of, values)| (world.chain(case, number, on, *of), values)).filter(|(chain, _)| chain.contains(&unit)).collect();
        let base = format!("/v1/reports/headcounts?subject={subject}&on={on}&hierarchy={hierarchy}&unit_id={}", world.units[unit]);
        for (place, first) in dimensions.iter().enumerate() {
            for second in &dimensions[..place] {
                let by = ["education_level", first, second];
                let mut expected: BTreeMap<Vec<String>, i64> = BTreeMap::new();
                for (_, values) in &within {
                    *expected.entry(by.iter().map(|name| values[name].clone()).collect()).or_default() += 1;
                }
                let answer = world.api.get(format!("{base}&by={}&limit=1000", by.join(","))).await.ok();
                prop_assert_eq!(rows(answer.at("/items"), &by), expected, "{} {} below {} on {} by {:?}", subject, hierarchy, unit, on, by);
                prop_assert_eq!(answer.at("/total").as_u64(), u64::try_from(within.len()).ok());
            }
            // By unit, and by one.
            let mut expected: BTreeMap<(String, String), i64> = BTreeMap::new();
            for (chain, values) in &within {
                let above = chain.iter().position(|above| *above == unit).unwrap();
                *expected.entry((world.units[chain[above.saturating_sub(1)]].to_string(), values[first].clone())).or_default() += 1;
            }
            let answer = world.api.get(format!("{base}&by=unit,{first}&limit=1000")).await.ok();
            let row = |row: &Value| ((row["unit"]["id"].as_str().unwrap().to_owned(), row[*first].as_str().unwrap_or_default().to_owned()), row["count"].as_i64().unwrap());
            let found: BTreeMap<(String, String), i64> = answer.at("/items").as_array().unwrap().iter().map(row).collect();
            prop_assert_eq!(found, expected, "{} {} below {} on {} by unit and {}", subject, hierarchy, unit, on, first);
        }
    }
    // Whoever may see primary schools only: what is of that level, and what has none in a unit that does.
    let primary = people.iter().filter(|(unit, values)| {
        let level = &values["education_level"];
        (level == "TH" || (level.is_empty() && world.is_primary(*unit))) && world.chain(case, 1, on, *unit).contains(&0)
    });
    let answer = world.officer.get(format!("/v1/reports/headcounts?subject={subject}&on={on}&by=gender,age_band&unit_id={}", world.units[0])).await.ok();
    prop_assert_eq!(answer.at("/total").as_u64(), u64::try_from(primary.count()).ok(), "{} of primary schools on {}", subject, on);
    Ok(())
}

async fn compare_records(world: &World, case: &Case, subject: &str, today: NaiveDate) -> Result<(), TestCaseError> {
    let kept = world.kept(case, subject);
    for (number, hierarchy) in BOTH.into_iter().enumerate() {
        let within: Vec<_> = kept.iter().filter(|(of, _)| world.chain(case, number, today, *of).contains(&2)).collect();
        let count = |holds: &dyn Fn(&crate::records::Person) -> bool| within.iter().filter(|(_, person)| holds(person)).count() as u64;
        let base = format!("subject={subject}&hierarchy={hierarchy}&unit_id={}", world.units[2]);
        let answer = world.api.get(format!("/v1/reports/completeness?{base}")).await.ok();
        let phone = answer.at("/items").as_array().unwrap().iter().find(|row| row["field"] == "phone").unwrap();
        prop_assert_eq!(phone["missing"].as_u64(), Some(count(&|person| person.missing.contains(&"phone"))));
        prop_assert_eq!(phone["records"].as_u64(), Some(count(&|_| true)));
        prop_assert_eq!(answer.at("/total/complete").as_u64(), Some(count(&|person| person.missing.is_empty())));
        let answer = world.api.get(format!("/v1/reports/identities?{base}")).await.ok();
        prop_assert_eq!(answer.at("/total/verified").as_u64(), Some(count(&|person| person.identity_status == "verified")));
    }
    Ok(())
}

#[test]
fn shuffled_and_repeated_events_give_the_figures_of_a_recount() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = runtime.block_on(TestSystem::start(vec![registrar_reporting::service()])).unwrap();
    let mut runner = TestRunner::new(Config { cases: 2, failure_persistence: None, max_shrink_iters: 40, ..Config::default() });
    let checked = runner.run(&case(), |case| {
        runtime.block_on(async {
            let world = World::new(&system, &case).await;
            play(&system, &world, &case).await;
            prop_assert_eq!(system.parked("reporting").await.unwrap(), Vec::new());
            for on in case.days.iter().map(|days| date(*days)) {
                compare(&world, &case, "staff", on).await?;
                compare(&world, &case, "students", on).await?;
            }
            let today = system.clock().now().date_naive();
            compare_records(&world, &case, "staff", today).await?;
            compare_records(&world, &case, "students", today).await
        })
    });
    drop(system);
    checked.unwrap();
}
