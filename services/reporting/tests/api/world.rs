//! A random small world: units that move, people who come and go, and a recount of it that knows nothing of events.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use prost::Message;
use registrar_access::Role;
use registrar_domain::{EducationLevel, Hierarchy, TenantId, UnitId, UnitKind};
use registrar_events::{Event, contracts::identity};
use registrar_testkit::{Api, NewAccount, NewUnit, Superior, TestSystem};
use uuid::Uuid;

use crate::records::{Person, State, day, event};

/// Besides the root; the last one is told of late.
pub const UNITS: usize = 7;
pub const BOTH: [Hierarchy; 2] = [Hierarchy::Administrative, Hierarchy::Professional];

const GENDERS: [&str; 2] = ["female", "male"];
const LEVELS: [Option<&str>; 3] = [None, Some("TH"), Some("THCS")];
const ETHNIC_GROUPS: [Option<&str>; 3] = [None, Some("vn-ethnic/2008/01"), Some("vn-ethnic/2008/02")];
const POLICIES: [Option<&str>; 2] = [None, Some("vn-policy-category/1/poor_household")];
const POSITIONS: [(&str, &str); 3] = [("teacher", "teacher"), ("head_teacher", "manager"), ("guard", "employee")];
const CONTRACTS: [Option<&str>; 2] = [None, Some("vn-contract-form/1/4")];
const QUALIFICATIONS: [Option<&str>; 2] = [None, Some("vn-qualification/1/16")];
const STANDARDS: [Option<&str>; 2] = [None, Some("at")];
const GRADES: [&str; 3] = ["1", "10", ""];

/// Days are counted from here; two thirds of them lie after the day from which on sums are kept.
pub fn date(days: u64) -> NaiveDate {
    day("2023-06-01").checked_add_days(Days::new(days)).unwrap()
}

/// Picks among values by a number of many digits, a digit each.
pub struct Digits(pub u64);

impl Digits {
    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        let count = u64::try_from(values.len()).unwrap();
        let digit = self.0 % count;
        self.0 /= count;
        values[usize::try_from(digit).unwrap()].clone()
    }
}

/// One superior until a day and, from the next day, another one.
#[derive(Clone, Debug)]
pub struct Superiors {
    /// Numbers that stand for units, or for none: [`above`].
    pub first: usize,
    pub second: usize,
    pub change: Option<u64>,
}

/// Where somebody is for a time; the unit may be one that nobody ever hears of.
#[derive(Clone, Debug)]
pub struct Stay {
    pub unit: usize,
    pub what: u64,
    pub from: u64,
    pub to: Option<u64>,
}

/// A version of a record.
#[derive(Clone, Debug)]
pub struct Version {
    pub person: u64,
    pub stays: Vec<Stay>,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub struct Case {
    /// At first, and after each time the units are moved.
    pub superiors: [Vec<[Superiors; 2]>; 3],
    /// Whether units move after everything else was added up.
    pub late: bool,
    pub staff: Vec<Vec<Version>>,
    pub students: Vec<Vec<Version>>,
    pub enrolments: Vec<(usize, Vec<Version>)>,
    pub order: u64,
    pub batch: usize,
    pub days: Vec<u64>,
}

/// The last of [`Case::superiors`].
const LAST: usize = 2;

/// Above the unit of this number at first and in the end: the root, one made before it, or none. In between any other one,
/// as when one of the moves in a chain arrives before those that were made before it.
fn above(stage: usize, unit: usize, choice: usize) -> Option<usize> {
    match stage {
        _ if choice == UNITS => None,
        0 | LAST => Some(choice % unit),
        _ => Some((unit + 1 + choice % UNITS) % (UNITS + 1)),
    }
}

impl Superiors {
    fn on(&self, unit: usize, day: NaiveDate) -> Option<usize> {
        match self.change {
            Some(change) if day > date(change) => above(LAST, unit, self.second),
            _ => above(LAST, unit, self.first),
        }
    }

    /// Each with its first and last day.
    fn dated(&self, stage: usize, unit: usize) -> impl Iterator<Item = (usize, NaiveDate, Option<NaiveDate>)> {
        let first = above(stage, unit, self.first).map(|above| (above, day("2000-01-01"), self.change.map(date)));
        let second = self.change.and_then(|change| Some((above(stage, unit, self.second)?, date(change + 1), None)));
        first.into_iter().chain(second)
    }
}

/// The person of a number.
pub fn person(number: u64) -> Person {
    let mut digits = Digits(number);
    Person {
        gender: digits.pick(&GENDERS),
        birth_year: 1960 + i32::try_from(digits.0 % 60).unwrap(),
        ethnic_group: digits.pick(&ETHNIC_GROUPS),
        policy_category: digits.pick(&POLICIES),
        qualification: digits.pick(&QUALIFICATIONS),
        training_standard: digits.pick(&STANDARDS),
        identity_status: digits.pick(&["verified", "unverified"]),
        missing: digits.pick(&[vec![], vec!["phone"], vec!["phone", "email"]]),
    }
}

fn is_primary(stage: usize, unit: usize) -> bool {
    (stage + unit).is_multiple_of(2)
}

/// A tenant with its units, the root first.
pub struct World {
    pub tenant: TenantId,
    pub units: Vec<UnitId>,
    pub api: Api,
    /// Sees primary schools only.
    pub officer: Api,
}

impl World {
    pub async fn new(system: &TestSystem, case: &Case) -> Self {
        let tenant = system.new_tenant("Bộ").await.unwrap();
        let mut units = vec![UnitId::from(Uuid::from(tenant))];
        for (number, both) in case.superiors[0].iter().enumerate().take(UNITS - 1) {
            let of = |(hierarchy, of): (Hierarchy, &Superiors)| {
                let superior = |(unit, valid_from, valid_to): (usize, _, _)| Superior { hierarchy, unit: units[unit], valid_from, valid_to };
                of.dated(0, number + 1).map(superior).collect::<Vec<_>>()
            };
            let superiors = BOTH.into_iter().zip(both).flat_map(of).collect();
            let unit = NewUnit { superiors, ..NewUnit::new(tenant, UnitKind::Other, &format!("{number}")) };
            units.push(system.unit(unit).await.unwrap());
        }
        units.push(system.new_id().into());
        let api = system.client_of(&system.account(Role::Administrator, units[0]).await.unwrap());
        let grant = NewAccount { education_levels: vec![EducationLevel::TH], ..NewAccount::new(Role::Officer, units[0]) };
        World { tenant, api, officer: system.client_of(&system.account_with(grant).await.unwrap()), units }
    }

    /// Where the units stand later, and that every second one teaches primary grades, by turns.
    pub fn moves(&self, case: &Case) -> Vec<Event> {
        let moves = case.superiors.iter().enumerate().skip(1);
        moves.flat_map(|(stage, units)| (1..).zip(units).map(move |(unit, both)| self.unit_moved(stage, unit, both))).collect()
    }

    fn unit_moved(&self, stage: usize, unit: usize, both: &[Superiors; 2]) -> Event {
        let of = |(hierarchy, of): (Hierarchy, &Superiors)| {
            let superior = |(above, from, to): (usize, NaiveDate, Option<NaiveDate>)| identity::Superior {
                hierarchy: hierarchy.to_string(),
                unit_id: self.units[above].to_string(),
                valid_from: from.to_string(),
                valid_to: to.map(|to| to.to_string()),
            };
            of.dated(stage, unit).map(superior).collect::<Vec<_>>()
        };
        let state = identity::Unit {
            code: format!("{unit}"),
            name: format!("{unit}"),
            kind: "other".into(),
            opened_on: "2000-01-01".into(),
            status: "open".into(),
            education_levels: if is_primary(stage, unit) { vec!["TH".into()] } else { Vec::new() },
            superiors: BOTH.into_iter().zip(both).flat_map(of).collect(),
            ..Default::default()
        };
        event("identity.unit", self.tenant, self.units[unit].into(), (1, 1 + i64::try_from(stage).unwrap()), false, state.encode_to_vec())
    }

    /// Whether the unit teaches primary grades in the end.
    pub fn is_primary(&self, unit: usize) -> bool {
        unit > 0 && is_primary(LAST, unit)
    }

    /// All versions of all records, each record's in order.
    pub fn events(&self, system: &TestSystem, case: &Case) -> Vec<Event> {
        let mut events = Vec::new();
        // Half of the records were restored once.
        let order = |place: usize, number: usize| {
            let version = i64::try_from(number).unwrap();
            if place.is_multiple_of(2) && number > 0 { (2, version) } else { (1, version + 10) }
        };
        for (place, versions) in case.staff.iter().enumerate() {
            let id = system.new_id();
            events.extend(versions.iter().enumerate().map(|(number, version)| person(version.person).staff(self.tenant, id, order(place, number), &self.employments(version))));
        }
        let students: Vec<Uuid> = case.students.iter().map(|_| system.new_id()).collect();
        for ((place, versions), id) in case.students.iter().enumerate().zip(&students) {
            let of = |(number, version): (usize, &Version)| person(version.person).student(self.tenant, *id, order(place, number), &self.stay(&version.stays[0], version.ended));
            events.extend(versions.iter().enumerate().map(of));
        }
        for (place, (student, versions)) in case.enrolments.iter().enumerate() {
            let id = system.new_id();
            // Of some students nothing is ever heard.
            let student = students.get(*student).copied().unwrap_or(Uuid::from_u128(8));
            let of = |(number, version): (usize, &Version)| self.enrolment(version).enrolment_of(student, self.tenant, id, order(place, number));
            events.extend(versions.iter().enumerate().map(of));
        }
        events
    }

    fn stay(&self, stay: &Stay, ended: bool) -> State {
        let mut digits = Digits(stay.what);
        let (position, group) = digits.pick(&POSITIONS);
        State {
            unit: self.units.get(stay.unit).map_or(Uuid::from_u128(9), |unit| Uuid::from(*unit)),
            level: digits.pick(&LEVELS),
            gender: digits.pick(&GENDERS),
            category: group,
            position,
            contract_form: digits.pick(&CONTRACTS),
            from: date(stay.from),
            to: stay.to.map(date),
            ended,
        }
    }

    /// One after another: each begins on the day after the last of the one before, at the earliest.
    fn employments(&self, version: &Version) -> Vec<State> {
        let mut first = 0;
        let mut states = Vec::new();
        let last = version.stays.len() - 1;
        for (number, stay) in version.stays.iter().enumerate() {
            let from = first + stay.from / 4;
            let to = if number == last { stay.to.map(|to| from + to / 4) } else { Some(from + stay.to.unwrap_or(90) / 4) };
            states.push(self.stay(&Stay { from, to, ..stay.clone() }, version.ended && number == last));
            first = to.unwrap_or(from) + 1;
        }
        states
    }

    fn enrolment(&self, version: &Version) -> State {
        let mut digits = Digits(version.person);
        State { category: digits.pick(&GRADES), ..self.stay(&version.stays[0], version.ended) }
    }

    /// The number of a unit, of those that are known.
    fn number(&self, unit: Uuid) -> Option<usize> {
        self.units.iter().position(|known| Uuid::from(*known) == unit)
    }

    /// The units from this one upwards.
    pub fn chain(&self, case: &Case, hierarchy: usize, day: NaiveDate, unit: usize) -> Vec<usize> {
        let above = |unit: &usize| case.superiors[LAST].get(unit.checked_sub(1)?)?[hierarchy].on(*unit, day);
        std::iter::successors(Some(unit), above).collect()
    }

    /// Everybody counted on a day, by the final states alone: the number of the unit, and the values by dimension.
    pub fn counted(&self, case: &Case, subject: &str, on: NaiveDate) -> Vec<(usize, BTreeMap<&'static str, String>)> {
        let counts = |state: &State| state.from <= on && state.to.is_none_or(|to| on <= to) && (state.to.is_some() || !state.ended);
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let mut found = Vec::new();
        let mut add = |state: &State, values: BTreeMap<&'static str, String>| {
            if let (true, Some(unit)) = (counts(state), self.number(state.unit)) {
                found.push((unit, values));
            }
        };
        if subject == "staff" {
            for version in case.staff.iter().filter_map(|versions| versions.last()) {
                let of = person(version.person);
                for state in self.employments(version) {
                    let age = on.year() - of.birth_year;
                    let band = [60, 55, 50, 40, 30, 20].into_iter().find(|from| *from <= age).unwrap_or(10);
                    let values = [
                        ("education_level", text(state.level)),
                        ("gender", of.gender.to_owned()),
                        ("age_band", format!("vn-age-band/1/{band}")),
                        ("ethnic_group", text(of.ethnic_group)),
                        ("policy_category", text(of.policy_category)),
                        ("position_group", state.category.to_owned()),
                        ("position", state.position.to_owned()),
                        ("contract_form", text(state.contract_form)),
                        ("qualification", text(of.qualification)),
                        ("training_standard", text(of.training_standard)),
                    ];
                    add(&state, BTreeMap::from(values));
                }
            }
            return found;
        }
        for (student, versions) in &case.enrolments {
            let Some(version) = versions.last() else { continue };
            let known = case.students.get(*student).and_then(|versions| versions.last()).map(|version| person(version.person));
            let state = self.enrolment(version);
            let age = known.as_ref().map(|of| (on.year() - of.birth_year).max(0)).map(|age| if age > 20 { "21+".to_owned() } else { age.to_string() });
            let values = [
                ("education_level", text(state.level)),
                ("gender", known.as_ref().map_or(state.gender, |of| of.gender).to_owned()),
                ("grade", state.category.to_owned()),
                ("age_band", age.unwrap_or_default()),
                ("ethnic_group", text(known.as_ref().and_then(|of| of.ethnic_group))),
                ("policy_category", text(known.as_ref().and_then(|of| of.policy_category))),
            ];
            add(&state, BTreeMap::from(values));
        }
        found
    }

    /// The records that are kept in the end: the number of the unit, and the person.
    pub fn kept(&self, case: &Case, subject: &str) -> Vec<(usize, Person)> {
        let records = if subject == "staff" { &case.staff } else { &case.students };
        let finals = records.iter().filter_map(|versions| versions.last()).filter(|version| !version.ended);
        let unit = |version: &Version| if subject == "staff" { self.employments(version).last().map(|state| state.unit) } else { Some(self.stay(&version.stays[0], false).unit) };
        finals.filter_map(|version| Some((self.number(unit(version)?)?, person(version.person)))).collect()
    }
}
