//! What every account is told, beside what it should be told.

use std::{collections::HashMap, sync::Arc};

use registrar_access::Action;
use registrar_testkit::{Api, TestSystem};
use serde_json::json;
use uuid::Uuid;

use super::{
    enter::enter,
    filter::Filter,
    school::{School, Student},
    viewer::Viewer,
    world::{
        Account, Authority, Dice, Tally, Told, load,
        reader::{self, Query},
        told::Paging,
    },
};

const STUDENTS: &str = "/v1/students";
const SORTS: [&str; 4] = ["name", "-name", "code", "-code"];
/// How many accounts there are to one that reads the whole list in all orders; the others read it in one.
const IN_ALL_SORTS: usize = 10;
/// How many accounts there are to one that reads the change feed.
const FEEDS: usize = 4;
/// How many accounts there are to one that reads the lists of classes, enrolments and assignments.
const OTHER_LISTS: usize = 2;
/// Filtered lists of each account.
const FILTERED: usize = 2;
/// Students that each account asks for by id, and classes whose students it asks for.
const READ: usize = 2;

/// A world, the service that runs in it, and the clients of its accounts.
pub struct Oracle {
    pub seed: u64,
    pub authority: Authority,
    pub school: School,
    pub clients: Vec<Api>,
    pub tally: Tally,
    records: HashMap<Uuid, String>,
    latest_classes: HashMap<Uuid, String>,
    _system: TestSystem,
}

impl Oracle {
    pub async fn new(seed: u64) -> Self {
        // Alone on its PostgreSQL: a long write of another test would hold the feeds up.
        let builder = TestSystem::builder(vec![registrar_students::service()]).with_own_cluster();
        let system = builder.options(|options| options.listen.workers = 2).start().await.unwrap();
        let mut dice = Dice::new(seed);
        let tenants = [system.tenant(), system.new_tenant("Hệ thống khác").await.unwrap()];
        let mut authority = Authority::new(&mut dice, "2025-09-15".parse().unwrap(), tenants);
        let mut school = School::default();
        for (tenant, accounts, classes, students) in [(tenants[0], 140, 300, 0..4_000), (tenants[1], 10, 15, 4_000..4_150)] {
            let (staff, known) = (school.staff.len(), school.classes.len());
            school.add_classes(&mut dice, &authority, tenant, classes);
            school.add_students(&mut dice, &authority, tenant, students);
            let classes: Vec<_> = school.classes[known..].iter().map(|class| (class.id, class.unit)).collect();
            let staff: Vec<Uuid> = school.staff[staff..].iter().map(|(staff, _)| *staff).collect();
            authority.add_accounts(&mut dice, tenant, accounts, &staff, &classes);
        }
        let clients = load::load(&system, "students", &authority, &mut dice).await;
        enter(&system, &authority, &school, &tenants).await;
        load::settle(system.db("students"), "students").await;
        let latest = school.students.iter().zip(school.latest_classes());
        let latest_classes = latest.filter_map(|(student, class)| Some((student.id, school.classes[class?].name()))).collect();
        let records = records(&school);
        Oracle { seed, authority, school, clients, tally: Tally::default(), records, latest_classes, _system: system }
    }

    pub fn viewer(&self, number: usize) -> Viewer<'_> {
        Viewer::new(&self.authority, &self.school, &self.authority.accounts[number])
    }

    pub fn seen_by(&self, viewer: &Viewer) -> Vec<&Student> {
        self.school.students.iter().filter(|student| viewer.sees_student(student)).collect()
    }

    /// The name of the class that a student is in or was in last, as far as it is one of the unit that keeps the record.
    pub fn latest_class(&self, student: &Student) -> Option<String> {
        self.latest_classes.get(&student.id).cloned()
    }

    fn tell(&self, id: Uuid) -> String {
        self.records.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Who asks, to be said of an answer that is wrong.
    pub fn who(&self, account: &Account) -> String {
        format!("seed {}, {}", self.seed, self.authority.who(account))
    }
}

/// What there is to know of every record.
fn records(school: &School) -> HashMap<Uuid, String> {
    let students = school.students.iter().map(|student| (student.id, format!("{student:?}")));
    let classes = school.classes.iter().map(|class| (class.id, format!("{class:?}")));
    let enrolments = school.enrolments.iter().map(|enrolment| (enrolment.id, format!("{enrolment:?} {:?}", school.classes[enrolment.class])));
    let assignments = school.assignments.iter().map(|assignment| (assignment.id, format!("{assignment:?} {:?}", school.classes[assignment.class])));
    students.chain(classes).chain(enrolments).chain(assignments).collect()
}

/// In the order of a list.
pub fn sorted<'a>(mut students: Vec<&'a Student>, sort: &str) -> Vec<&'a Student> {
    match sort.trim_start_matches('-') {
        "code" => students.sort_by_key(|student| (&student.code, student.id)),
        _ => students.sort_by_key(|student| (&student.order, student.id)),
    }
    if sort.starts_with('-') {
        students.reverse();
    }
    students
}

fn ids(students: &[&Student]) -> Vec<Uuid> {
    students.iter().map(|student| student.id).collect()
}

/// Ids by a key and, within it, by themselves.
fn ordered<K: Ord>(keyed: impl Iterator<Item = (K, Uuid)>, descending: bool) -> Vec<Uuid> {
    let mut keyed: Vec<(K, Uuid)> = keyed.collect();
    keyed.sort();
    if descending {
        keyed.reverse();
    }
    keyed.into_iter().map(|(_, id)| id).collect()
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
            let viewer = oracle.viewer(number);
            let seen = oracle.seen_by(&viewer);
            let dice = &mut Dice::new(oracle.seed ^ u64::try_from(number).unwrap());
            let (who, tell) = (|| oracle.who(viewer.account), |id| oracle.tell(id));
            let told = |action| Told { api: &oracle.clients[number], answered: viewer.is_answered(action), who: &who, tell: &tell };
            Asker { oracle: &oracle, viewer: &viewer, seen: &seen, told: told(Action::StudentsRead) }.ask(dice, number).await;
            if number.is_multiple_of(OTHER_LISTS) {
                other_lists(&oracle, &viewer, dice, [told(Action::ClassesRead), told(Action::StudentsRead), told(Action::AssignmentsRead)]).await;
            }
        }
    };
    reader::each(oracle.clients.len(), check).await;
}

/// One account and what it should see.
struct Asker<'a> {
    oracle: &'a Oracle,
    viewer: &'a Viewer<'a>,
    seen: &'a [&'a Student],
    told: Told<'a>,
}

impl Asker<'_> {
    async fn ask(&self, dice: &mut Dice, number: usize) {
        let Asker { oracle, seen, .. } = self;
        self.tally();
        let count = if number.is_multiple_of(IN_ALL_SORTS) { SORTS.len() } else { 1 };
        for sort in dice.some(&SORTS, count) {
            self.list(dice, sort, &[]).await;
        }
        for _ in 0..FILTERED {
            let like = if seen.is_empty() || dice.chance(20) { &dice.pick(&oracle.school.students) } else { dice.pick(seen) };
            let (filters, sort) = (Filter::some_like(dice, &oracle.authority, like), dice.pick(&SORTS));
            self.list(dice, sort, &filters).await;
        }
        for turn in 0..READ {
            let student = if seen.is_empty() || turn % 2 == 0 { &dice.pick(&oracle.school.students) } else { dice.pick(seen) };
            self.read(student).await;
            let class = student.class.unwrap_or_else(|| dice.below(oracle.school.classes.len()));
            self.students_of(dice, class).await;
        }
        if number.is_multiple_of(FEEDS) {
            let expected = ids(seen);
            self.told.feed("/v1/students/changes", Paging::random(dice, expected.len()).limit, &expected).await;
            oracle.tally.add("feeds", 1);
        }
    }

    fn tally(&self) {
        let Asker { oracle, viewer, seen, told } = self;
        let all = oracle.school.students.iter().filter(|student| oracle.authority.units[student.unit].tenant == viewer.account.tenant).count();
        if !told.answered {
            oracle.tally.add("refused accounts", 1);
        } else if !seen.is_empty() && seen.len() < all {
            oracle.tally.add("accounts that see some and not all", 1);
        }
        if seen.iter().any(|student| !viewer.may(Action::StudentsRead, viewer.standing(student))) {
            oracle.tally.add("accounts that see more by their classes", 1);
        }
    }

    async fn list(&self, dice: &mut Dice, sort: &str, filters: &[Filter]) {
        let oracle = self.oracle;
        let kept = self.seen.iter().copied().filter(|student| filters.iter().all(|filter| filter.keeps(&oracle.authority, student))).collect();
        let expected = ids(&sorted(kept, sort));
        let mut query: Query = filters.iter().flat_map(|filter| filter.parameters(&oracle.authority, &oracle.school)).collect();
        query.push(("sort", sort.to_owned()));
        self.told.list(STUDENTS, &query, Paging::random(dice, expected.len()), &expected).await;
        oracle.tally.add(if filters.is_empty() { "lists" } else { "filtered lists" }, 1);
        oracle.tally.add(if filters.is_empty() { "records in lists" } else { "records in filtered lists" }, expected.len());
    }

    /// One student, with and without sensitive fields, the history, and a change that comes too late. Of what follows
    /// from a class nothing is sensitive and nothing writes.
    async fn read(&self, student: &Student) {
        let (viewer, path) = (self.viewer, format!("{STUDENTS}/{}", student.id));
        let may = |action| viewer.may(action, viewer.standing(student));
        let hidden = if self.told.answered { 404 } else { 403 };
        let status = |allowed: bool, done: u16| match (viewer.sees_student(student), allowed) {
            (false, _) => hidden,
            (true, false) => 403,
            (true, true) => done,
        };
        let api = self.told.api;
        for (call, expected) in [
            (api.get(&path), status(true, 200)),
            (api.get(format!("{path}?sensitive=true")), status(may(Action::StudentsReadSensitive), 200)),
            (api.get(format!("{path}/history")), status(true, 200)),
            (api.patch(&path).header("If-Match", "\"999\"").merge(&json!({"phone": null})), status(may(Action::StudentsWrite), 412)),
        ] {
            self.told.read(call, student.id, expected).await;
            self.oracle.tally.add(reads(expected), 1);
        }
    }

    /// Those enrolled in a class today, also when they have gone elsewhere since.
    async fn students_of(&self, dice: &mut Dice, class: usize) {
        let (viewer, school, today) = (self.viewer, &self.oracle.school, self.oracle.authority.today);
        let path = format!("/v1/classes/{}/students", school.classes[class].id);
        let hidden = if viewer.is_answered(Action::ClassesRead) { 404 } else { 403 };
        match (viewer.sees_class(class), viewer.sees_students_of(class)) {
            (false, _) => self.told.read(self.told.api.get(path), school.classes[class].id, hidden).await,
            (true, false) => self.told.read(self.told.api.get(path), school.classes[class].id, 403).await,
            (true, true) => {
                let enrolled = school.enrolments.iter().filter(|enrolment| enrolment.class == class && enrolment.from <= today && enrolment.to.is_none_or(|to| today <= to));
                let mut places: Vec<usize> = enrolled.map(|enrolment| enrolment.student).collect();
                places.sort_unstable();
                places.dedup();
                let sort = dice.pick(&SORTS);
                let expected = ids(&sorted(places.into_iter().map(|place| &school.students[place]).collect(), sort));
                let told = Told { answered: true, ..self.told };
                told.list(&path, &vec![("sort", sort.to_owned())], Paging::random(dice, expected.len()), &expected).await;
            }
        }
        self.oracle.tally.add("lists of classes", 1);
    }
}

/// The whole lists of classes, enrolments and assignments.
async fn other_lists(oracle: &Oracle, viewer: &Viewer<'_>, dice: &mut Dice, told: [Told<'_>; 3]) {
    let school = &oracle.school;
    let backwards = [dice.chance(50), dice.chance(50), dice.chance(50)];
    let classes = school.classes.iter().enumerate().filter(|(place, _)| viewer.sees_class(*place)).map(|(_, class)| (class.order(), class.id));
    let enrolments = school.enrolments.iter().filter(|enrolment| viewer.sees_enrolment(enrolment)).map(|enrolment| (enrolment.from, enrolment.id));
    let assignments = school.assignments.iter().filter(|assignment| viewer.sees_assignment(assignment)).map(|assignment| (assignment.from, assignment.id));
    let lists = [
        ("/v1/classes", "name", ordered(classes, backwards[0])),
        ("/v1/enrolments", "enrolled_on", ordered(enrolments, backwards[1])),
        ("/v1/assignments", "from", ordered(assignments, backwards[2])),
    ];
    for (((path, sort, expected), told), backwards) in lists.into_iter().zip(told).zip(backwards) {
        let sort = if backwards { format!("-{sort}") } else { sort.to_owned() };
        told.list(path, &vec![("sort", sort)], Paging::random(dice, expected.len()), &expected).await;
        oracle.tally.add("lists", 1);
        oracle.tally.add("records in lists", expected.len());
    }
}
