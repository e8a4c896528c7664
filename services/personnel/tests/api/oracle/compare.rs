//! What every account is told, beside what it should be told.

use std::{collections::HashMap, sync::Arc};

use registrar_access::Action;
use registrar_testkit::{Api, TestSystem};
use serde_json::json;
use uuid::Uuid;

use super::{
    filter::Filter,
    people::{self, Person},
    world::{
        Account, Authority, Dice, Tally, Told, load,
        reader::{self, Query},
        told::Paging,
    },
};

const STAFF: &str = "/v1/staff";
const SORTS: [&str; 4] = ["name", "-name", "code", "-code"];
/// How many accounts there are to one that reads the whole list in all orders; the others read it in one.
const IN_ALL_SORTS: usize = 10;
/// How many accounts there are to one that reads the change feed.
const FEEDS: usize = 4;
/// Filtered lists of each account.
const FILTERED: usize = 2;
/// Records that each account asks for by id.
const READ: usize = 2;

/// A world, the service that runs in it, and the clients of its accounts.
pub struct Oracle {
    pub seed: u64,
    pub authority: Authority,
    pub people: Vec<Person>,
    pub clients: Vec<Api>,
    pub tally: Tally,
    places: HashMap<Uuid, usize>,
    _system: TestSystem,
}

impl Oracle {
    pub async fn new(seed: u64) -> Self {
        // Alone on its PostgreSQL: a long write of another test would hold the feeds up.
        let builder = TestSystem::builder(vec![registrar_personnel::service()]).with_own_cluster();
        let system = builder.options(|options| options.listen.workers = 2).start().await.unwrap();
        let mut dice = Dice::new(seed);
        let tenants = [system.tenant(), system.new_tenant("Hệ thống khác").await.unwrap()];
        let mut authority = Authority::new(&mut dice, "2025-09-15".parse().unwrap(), tenants);
        let classes = [(dice.id(), 30), (dice.id(), 200)];
        authority.add_accounts(&mut dice, tenants[0], 140, &[], &classes);
        authority.add_accounts(&mut dice, tenants[1], 10, &[], &[]);
        let clients = load::load(&system, "personnel", &authority, &mut dice).await;
        let mut people = people::random(&mut dice, &authority, tenants[0], 0..4_000);
        people::enter(&system, &authority, tenants[0], &mut people).await;
        let mut others = people::random(&mut dice, &authority, tenants[1], 4_000..4_150);
        people::enter(&system, &authority, tenants[1], &mut others).await;
        people.append(&mut others);
        load::settle(system.db("personnel"), "staff").await;
        let places = people.iter().enumerate().map(|(place, person)| (person.id, place)).collect();
        Oracle { seed, authority, people, clients, tally: Tally::default(), places, _system: system }
    }

    /// The people an account may see.
    pub fn seen_by(&self, account: &Account) -> Vec<&Person> {
        self.people.iter().filter(|person| person.is_seen_by(&self.authority, account)).collect()
    }

    pub fn reads(&self, account: &Account) -> bool {
        self.authority.has_role_for(account, Action::StaffRead)
    }

    pub fn tell(&self, id: Uuid) -> String {
        self.places.get(&id).map_or_else(|| id.to_string(), |place| format!("{:?}", self.people[*place]))
    }

    /// Who asks, to be said of an answer that is wrong.
    pub fn who(&self, account: &Account) -> String {
        format!("seed {}, {}", self.seed, self.authority.who(account))
    }
}

/// In the order of a list.
pub fn sorted<'a>(mut people: Vec<&'a Person>, sort: &str) -> Vec<&'a Person> {
    match sort.trim_start_matches('-') {
        "code" => people.sort_by_key(|person| (&person.code, person.id)),
        _ => people.sort_by_key(|person| (&person.order, person.id)),
    }
    if sort.starts_with('-') {
        people.reverse();
    }
    people
}

fn ids(people: &[&Person]) -> Vec<Uuid> {
    people.iter().map(|person| person.id).collect()
}

/// How reads are counted, by what they should be answered.
fn reads(status: u16) -> &'static str {
    match status {
        200 => "reads answered",
        403 => "reads forbidden",
        404 => "reads of what is hidden",
        _ => "changes that come too late",
    }
}

/// Asks everything as every account.
pub async fn every_account(oracle: &Arc<Oracle>) {
    let shared = oracle.clone();
    let check = move |number: usize| {
        let oracle = shared.clone();
        async move {
            let seen = oracle.seen_by(&oracle.authority.accounts[number]);
            let dice = &mut Dice::new(oracle.seed ^ u64::try_from(number).unwrap());
            let account = &oracle.authority.accounts[number];
            let told = Told { api: &oracle.clients[number], answered: oracle.reads(account), who: &|| oracle.who(account), tell: &|id| oracle.tell(id) };
            Asker { oracle: &oracle, account, seen: &seen, told }.ask(dice, number).await;
        }
    };
    reader::each(oracle.clients.len(), check).await;
}

/// One account and what it should see.
struct Asker<'a> {
    oracle: &'a Oracle,
    account: &'a Account,
    seen: &'a [&'a Person],
    told: Told<'a>,
}

impl Asker<'_> {
    async fn ask(&self, dice: &mut Dice, number: usize) {
        let Asker { oracle, account, seen, .. } = self;
        let all = oracle.people.iter().filter(|person| oracle.authority.units[person.unit].tenant == account.tenant).count();
        match (oracle.reads(account), seen.len()) {
            (false, _) => oracle.tally.add("refused accounts", 1),
            (true, seen) if seen > 0 && seen < all => oracle.tally.add("accounts that see some and not all", 1),
            _ => {}
        }
        let count = if number.is_multiple_of(IN_ALL_SORTS) { SORTS.len() } else { 1 };
        for sort in dice.some(&SORTS, count) {
            self.list(dice, sort, &[]).await;
        }
        for _ in 0..FILTERED {
            let like = if seen.is_empty() || dice.chance(20) { &dice.pick(&oracle.people) } else { dice.pick(seen) };
            let (filters, sort) = (Filter::some_like(dice, &oracle.authority, like), dice.pick(&SORTS));
            self.list(dice, sort, &filters).await;
        }
        for turn in 0..READ {
            let person = if seen.is_empty() || turn % 2 == 0 { &dice.pick(&oracle.people) } else { dice.pick(seen) };
            self.read(person).await;
        }
        if number.is_multiple_of(FEEDS) {
            let expected = ids(seen);
            self.told.feed("/v1/staff/changes", Paging::random(dice, expected.len()).limit, &expected).await;
            oracle.tally.add("feeds", 1);
        }
    }

    async fn list(&self, dice: &mut Dice, sort: &str, filters: &[Filter]) {
        let oracle = self.oracle;
        let kept = self.seen.iter().copied().filter(|person| filters.iter().all(|filter| filter.keeps(&oracle.authority, person))).collect();
        let expected = ids(&sorted(kept, sort));
        let mut query: Query = filters.iter().flat_map(|filter| filter.parameters(&oracle.authority)).collect();
        query.push(("sort", sort.to_owned()));
        self.told.list(STAFF, &query, Paging::random(dice, expected.len()), &expected).await;
        oracle.tally.add(if filters.is_empty() { "lists" } else { "filtered lists" }, 1);
        oracle.tally.add(if filters.is_empty() { "records in lists" } else { "records in filtered lists" }, expected.len());
    }

    /// One record, with and without its sensitive fields, its history, and a change that comes too late.
    async fn read(&self, person: &Person) {
        let (oracle, path) = (self.oracle, format!("{STAFF}/{}", person.id));
        let may = |action| oracle.authority.grants(self.account, action, person.standing());
        let hidden = if oracle.reads(self.account) { 404 } else { 403 };
        let status = |allowed: bool, done: u16| match (person.is_seen_by(&oracle.authority, self.account), allowed) {
            (false, _) => hidden,
            (true, false) => 403,
            (true, true) => done,
        };
        let api = self.told.api;
        for (call, expected) in [
            (api.get(&path), status(true, 200)),
            (api.get(format!("{path}?sensitive=true")), status(may(Action::StaffReadSensitive), 200)),
            (api.get(format!("{path}/history")), status(true, 200)),
            (api.patch(&path).header("If-Match", "\"999\"").merge(&json!({"phone": null})), status(may(Action::StaffWrite), 412)),
        ] {
            self.told.read(call, person.id, expected).await;
            oracle.tally.add(reads(expected), 1);
        }
    }
}
