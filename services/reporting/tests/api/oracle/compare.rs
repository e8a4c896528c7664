//! What every account is told, beside what it should be told.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{NaiveDate, TimeDelta};
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use registrar_domain::Hierarchy;
use registrar_reporting::headcounts::{model::Subject, suppression::FEW};
use registrar_testkit::{Answer, Api, TestSystem};
use serde_json::Value;

use super::{
    expected::{self, Chains, DAYS, Levels, Question, Seen},
    people::{self, Person},
    world::{Account, Authority, Dice, Tally, authority::BOTH, load, reader},
};

const OF_STAFF: [&str; 7] = ["gender,position_group", "education_level", "unit", "unit,position_group", "ethnic_group", "ethnic_group,policy_category", "unit,ethnic_group"];
const OF_STUDENTS: [&str; 7] = ["gender,grade", "education_level", "unit", "unit,grade", "policy_category", "gender,ethnic_group", "unit,policy_category"];
/// Reports that each account asks for.
const ASKED: usize = 7;

/// A world, the service that runs in it, and the clients of its accounts.
pub struct Oracle {
    seed: u64,
    authority: Authority,
    people: Vec<Person>,
    clients: Vec<Api>,
    pub tally: Tally,
    chains: HashMap<(NaiveDate, Hierarchy), Chains>,
    _system: TestSystem,
}

impl Oracle {
    pub async fn new(seed: u64) -> Self {
        let builder = TestSystem::builder(vec![registrar_reporting::service()]);
        let two_threads = builder.options(|options| {
            options.listen.workers = 2;
            // Each thread has half of them, less those that its requests share: as many as there are questions at once, and more.
            options.connections = 16;
        });
        let system = two_threads.start().await.unwrap();
        let mut dice = Dice::new(seed);
        let tenants = [system.tenant(), system.new_tenant("Hệ thống khác").await.unwrap()];
        let mut authority = Authority::new(&mut dice, "2025-09-15".parse().unwrap(), tenants);
        let classes = [(dice.id(), 30), (dice.id(), 200)];
        authority.add_accounts(&mut dice, tenants[0], 120, &[], &classes);
        authority.add_accounts(&mut dice, tenants[1], 10, &[], &[]);
        let clients = load::load(&system, "reporting", &authority, &mut dice).await;
        // Units first: what is counted while they are being placed takes longer, and convergence.rs looks at that.
        sql_query("select place_moved_units(2000)").execute(&mut system.db("reporting").get().await.unwrap()).await.unwrap();
        let mut people = people::enter(&system, &mut dice, &authority, tenants[0], 2_500).await;
        people.extend(people::enter(&system, &mut dice, &authority, tenants[1], 150).await);
        assert_eq!(system.parked("reporting").await.unwrap(), Vec::new());
        let days = DAYS.iter().flat_map(|days| BOTH.map(|hierarchy| (authority.today + TimeDelta::days(*days), hierarchy)));
        let chains = days.map(|(on, hierarchy)| ((on, hierarchy), Chains::new(&authority, hierarchy, on))).collect();
        Oracle { seed, authority, people, clients, tally: Tally::default(), chains, _system: system }
    }
}

/// Asks everything as every account, while the figures are being added up.
pub async fn every_account(oracle: &Arc<Oracle>) {
    let shared = oracle.clone();
    let check = move |number: usize| {
        let oracle = shared.clone();
        async move {
            let dice = &mut Dice::new(oracle.seed ^ u64::try_from(number).unwrap());
            let asker = Asker { oracle: &oracle, account: &oracle.authority.accounts[number], api: &oracle.clients[number] };
            for turn in 0..ASKED {
                asker.ask(dice, turn).await;
            }
        }
    };
    reader::each(oracle.clients.len(), check).await;
}

/// A report as it was told.
struct Told {
    first: Answer,
    /// Of all pages.
    items: Vec<Value>,
}

struct Asker<'a> {
    oracle: &'a Oracle,
    account: &'a Account,
    api: &'a Api,
}

impl Asker<'_> {
    async fn ask(&self, dice: &mut Dice, turn: usize) {
        let authority = &self.oracle.authority;
        let mut question = self.question(dice);
        let mut query = format!("subject={}&hierarchy={}", question.subject, question.hierarchy);
        let mut meant = Ok(question.unit);
        if turn == 0 {
            meant = expected::topmost(authority, self.account);
        } else {
            query.push_str(&format!("&unit_id={}", authority.units[question.unit].id));
        }
        if turn == ASKED - 1 {
            question.on = authority.today;
        }
        question.unit = meant.unwrap_or(question.unit);
        let chains = &self.oracle.chains[&(question.on, question.hierarchy)];
        let seen = meant.and_then(|_| expected::seen(authority, self.account, &question, chains));
        if turn == 0 && seen.is_ok() {
            self.oracle.tally.add("answers of the unit that grants are over", 1);
        }
        if turn == ASKED - 1 {
            self.records(&query, &question, seen).await;
        } else {
            let by = dice.pick(if question.subject == Subject::Staff { &OF_STAFF } else { &OF_STUDENTS });
            let depth = if by.contains("unit") { 1 + dice.below(3) } else { 0 };
            let limit = dice.pick(&[1000, 1000, 11]);
            self.headcounts(&query, &question, by, (depth, limit), seen).await;
        }
    }

    /// Mostly about a unit that the account has a grant over.
    fn question(&self, dice: &mut Dice) -> Question {
        let authority = &self.oracle.authority;
        let on = authority.today + TimeDelta::days(dice.pick(&DAYS));
        let subject = dice.pick(Subject::ALL);
        let anywhere = |dice: &mut Dice| dice.below(authority.units.len());
        if self.account.grants.is_empty() || dice.chance(15) {
            return Question { subject, unit: anywhere(dice), hierarchy: dice.pick(&BOTH), on };
        }
        let grant = dice.pick(&self.account.grants);
        let hierarchy = if dice.chance(75) { grant.hierarchy } else { expected::other(grant.hierarchy) };
        let below = || (0..authority.units.len()).filter(|unit| authority.above(*unit, grant.hierarchy).contains(&grant.unit)).collect::<Vec<_>>();
        Question { subject, unit: if dice.chance(60) { grant.unit } else { dice.pick(&below()) }, hierarchy, on }
    }

    /// A report, all its pages; none when it is refused, as it should be then.
    async fn read(&self, path: &str, seen: &Result<Seen, u16>) -> Option<Told> {
        let tally = &self.oracle.tally;
        let first = self.api.get(path).await;
        if let Err(status) = seen {
            assert_eq!(first.status, *status, "{path} {} {}", first.text, self.who());
            let what = match status {
                400 => "reports that are asked over several units",
                403 => "reports refused as forbidden",
                _ => "reports of units that are not known",
            };
            tally.add(what, 1);
            return None;
        }
        assert_eq!(first.status, 200, "{path} {} {}", first.text, self.who());
        tally.add("reports answered", 1);
        let mut items = first.at("/items").as_array().unwrap().clone();
        let mut next = first.at("/next_cursor").clone();
        while let Some(cursor) = next.as_str() {
            let page = self.api.get(format!("{path}&cursor={cursor}")).await.ok();
            assert_eq!(page.at("/total"), first.at("/total"), "{path}");
            items.extend(page.at("/items").as_array().unwrap().iter().cloned());
            next = page.at("/next_cursor").clone();
        }
        Some(Told { first, items })
    }

    async fn headcounts(&self, query: &str, question: &Question, by: &str, (depth, limit): (usize, usize), seen: Result<Seen, u16>) {
        let oracle = self.oracle;
        let depth_asked = if depth > 0 { format!("&depth={depth}") } else { String::new() };
        let path = format!("/v1/reports/headcounts?{query}&on={}&by={by}{depth_asked}&limit={limit}", question.on);
        let (Some(told), Ok(seen)) = (self.read(&path, &seen).await, seen) else { return };
        let chains = &oracle.chains[&(question.on, question.hierarchy)];
        let there: Vec<&Person> = seen.people(&oracle.authority, question, chains, &oracle.people).into_iter().filter(|person| person.is_there(question.on)).collect();
        let said = format!("{path} {seen:?} {}", self.who());
        self.assert_levels(&told, &seen, &said);
        assert_eq!(told.first.at("/total").as_u64(), u64::try_from(there.len()).ok(), "the total of {said}");
        let names: Vec<&str> = by.split(',').collect();
        let id = |unit: usize| oracle.authority.units[unit].id.to_string();
        let value = |person: &Person, name: &str| if name == "unit" { id(chains.row(person.unit, question.unit, depth).unwrap()) } else { person.value(name) };
        let mut expected = expected::counts(&there, |person| names.iter().map(|name| value(person, name)).collect::<Vec<_>>());
        if by == "unit" {
            for unit in expected::open_units(&oracle.authority, question, chains, depth) {
                expected.entry(vec![id(unit)]).or_default();
            }
        }
        oracle.tally.add("people counted", there.len());
        let found: BTreeMap<Vec<String>, Option<i64>> = told.items.iter().map(|row| (key(row, &names), row["count"].as_i64())).collect();
        assert_eq!(found.len(), told.items.len(), "no row twice in {said}");
        if depth > 0 {
            oracle.tally.add("rows of units", found.len());
            assert!(told.items.is_sorted_by_key(|row| row["unit"]["code"].as_str().map(str::to_owned)), "in the order of codes: {said}");
        }
        let few = names.iter().any(|name| matches!(*name, "ethnic_group" | "policy_category")) && expected.values().any(|count| (1..FEW).contains(count));
        if few && !seen.persons {
            oracle.tally.add("reports that hide few persons", 1);
            assert_hidden(&found, &expected, &said);
        } else {
            oracle.tally.add("reports that show few persons to who may see them", usize::from(few));
            assert_eq!(found, expected.into_iter().map(|(key, count)| (key, Some(count))).collect(), "{said}");
        }
    }

    /// The state of records, by unit and by field.
    async fn records(&self, query: &str, question: &Question, seen: Result<Seen, u16>) {
        let oracle = self.oracle;
        let paths = ["completeness?by=unit&limit=200&", "identities?limit=200&", "completeness?"].map(|path| format!("/v1/reports/{path}{query}"));
        let mut all = Vec::new();
        for path in &paths {
            all.extend(self.read(path, &seen).await);
        }
        let (Ok(seen), [by_unit, identities, by_field]) = (seen, &all[..]) else { return };
        let chains = &oracle.chains[&(question.on, question.hierarchy)];
        let kept: Vec<&Person> = seen.people(&oracle.authority, question, chains, &oracle.people).into_iter().filter(|person| !person.state.ended).collect();
        let said = format!("the records of {query} {seen:?} {}", self.who());
        self.assert_levels(by_unit, &seen, &said);
        let id = |unit: usize| oracle.authority.units[unit].id.to_string();
        let unit = |person: &Person| id(chains.row(person.unit, question.unit, 1).unwrap());
        let mut expected: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
        expected.extend(expected::open_units(&oracle.authority, question, chains, 1).into_iter().map(|unit| (id(unit), (0, 0, 0))));
        for person in &kept {
            let (records, missing, verified) = expected.entry(unit(person)).or_default();
            *records += 1;
            *missing += i64::try_from(person.known.missing.len()).unwrap();
            *verified += i64::from(person.known.identity_status == "verified");
        }
        let found = |told: &Told, name: &str| -> BTreeMap<String, (Option<i64>, Option<i64>)> {
            told.items.iter().map(|row| (row["unit"]["id"].as_str().unwrap().to_owned(), (row["records"].as_i64(), row[name].as_i64()))).collect()
        };
        let of = |part: fn(&(i64, i64, i64)) -> i64| expected.iter().map(|(unit, all)| (unit.clone(), (Some(all.0), Some(part(all))))).collect::<BTreeMap<_, _>>();
        assert_eq!(found(by_unit, "missing"), of(|all| all.1), "{said}");
        assert_eq!(found(identities, "verified"), of(|all| all.2), "{said}");
        let phone = by_field.items.iter().find(|row| row["field"] == "phone").unwrap();
        let without = kept.iter().filter(|person| person.known.missing.contains(&"phone")).count();
        assert_eq!((phone["records"].as_u64(), phone["missing"].as_u64()), (u64::try_from(kept.len()).ok(), u64::try_from(without).ok()), "{said}");
        oracle.tally.add("people counted", kept.len());
    }

    fn assert_levels(&self, told: &Told, seen: &Seen, said: &str) {
        let expected = match &seen.levels {
            Levels::All => Value::Null,
            Levels::Only(levels) => {
                self.oracle.tally.add("reports narrowed to some levels", 1);
                levels.iter().map(|level| level.as_str()).collect()
            }
        };
        assert_eq!(told.first.at("/education_levels"), &expected, "the levels of {said}");
    }

    fn who(&self) -> String {
        format!("seed {}, {}", self.oracle.seed, self.oracle.authority.who(self.account))
    }
}

fn key(row: &Value, names: &[&str]) -> Vec<String> {
    let value = |name: &&str| if *name == "unit" { &row["unit"]["id"] } else { &row[*name] };
    names.iter().map(|name| value(name).as_str().unwrap_or_default().to_owned()).collect()
}

/// Figures of few persons are hidden, and cannot be found as what is left of a sum; what is told is right.
fn assert_hidden(found: &BTreeMap<Vec<String>, Option<i64>>, expected: &BTreeMap<Vec<String>, i64>, said: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{said}");
    for (key, count) in expected {
        assert!(found[key].is_none_or(|told| told == *count && *count >= FEW), "{key:?} of {said}");
    }
    let dimensions = expected.keys().next().map_or(0, Vec::len);
    for left_out in 0..dimensions {
        let mut lines: BTreeMap<Vec<&String>, Vec<(Option<i64>, i64)>> = BTreeMap::new();
        for (key, count) in expected {
            let line = key.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, value)| value).collect();
            lines.entry(line).or_default().push((found[key], *count));
        }
        for (line, cells) in lines {
            let hidden: Vec<i64> = cells.iter().filter(|(told, _)| told.is_none()).map(|(_, count)| *count).collect();
            let safe = hidden.is_empty() || hidden.len() == cells.len() || (hidden.len() > 1 && hidden.iter().sum::<i64>() >= FEW);
            assert!(safe, "{line:?} tells what is hidden: {cells:?} of {said}");
        }
    }
}
