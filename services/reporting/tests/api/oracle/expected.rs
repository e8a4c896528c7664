//! What an account should be told, by its grants and by counting people one by one.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use registrar_access::Action;
use registrar_domain::{EducationLevel, Hierarchy};
use registrar_reporting::headcounts::model::Subject;

use super::{
    people::Person,
    world::{
        Account, Authority, Standing,
        authority::{BOTH, Grant},
    },
};

/// Of which levels something is allowed: of all, or of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Levels {
    All,
    Only(Vec<EducationLevel>),
}

/// What of a unit an account sees.
#[derive(Clone, Debug)]
pub struct Seen {
    pub levels: Levels,
    /// Whether it may see the people behind the figures.
    pub persons: bool,
}

/// Which units stand above which on a day in a hierarchy: each unit's own number first, then upwards.
pub struct Chains(Vec<Vec<usize>>);

impl Chains {
    pub fn new(authority: &Authority, hierarchy: Hierarchy, on: NaiveDate) -> Self {
        let above = |unit: &usize| {
            let lasts = authority.units[*unit].superiors.iter().find(|above| above.hierarchy == hierarchy && above.from <= on && above.to.is_none_or(|to| on <= to));
            lasts.map(|superior| superior.unit)
        };
        Chains((0..authority.units.len()).map(|unit| std::iter::successors(Some(unit), above).collect()).collect())
    }

    /// How far a unit is below another one.
    pub fn depth(&self, unit: usize, below: usize) -> Option<usize> {
        self.0[unit].iter().position(|above| *above == below)
    }

    /// The unit whose row somebody is counted in, of the rows so many levels below a unit.
    pub fn row(&self, unit: usize, below: usize, levels: usize) -> Option<usize> {
        Some(self.0[unit][self.depth(unit, below)?.saturating_sub(levels)])
    }

    fn is_alone(&self, unit: usize) -> bool {
        !self.0.iter().any(|chain| chain.iter().skip(1).any(|above| *above == unit))
    }
}

/// The days that are asked about: among them some of which sums are kept, and one of which they are not.
pub const DAYS: [i64; 5] = [0, 0, -1, -400, -900];

/// The question that a report answers.
#[derive(Clone, Debug)]
pub struct Question {
    pub subject: Subject,
    pub unit: usize,
    pub hierarchy: Hierarchy,
    pub on: NaiveDate,
}

/// Which unit is meant when none is named, or the status of the refusal.
pub fn topmost(authority: &Authority, account: &Account) -> Result<usize, u16> {
    let holds = |grant: &&Grant| authority.allows_today(grant, Action::ReportsRead);
    if !account.grants.iter().any(|grant| holds(&grant)) {
        return Err(403);
    }
    let held: Vec<&Grant> = account.grants.iter().filter(holds).filter(|grant| grant.classes.is_empty()).collect();
    if let Some(whole) = held.iter().find(|grant| authority.is_over_everything(grant)) {
        return Ok(whole.unit);
    }
    let below_another = |grant: &Grant| held.iter().any(|other| other.unit != grant.unit && authority.above(grant.unit, other.hierarchy).contains(&other.unit));
    let mut units: Vec<usize> = held.iter().filter(|grant| !below_another(grant)).map(|grant| grant.unit).collect();
    units.sort_unstable();
    units.dedup();
    match units[..] {
        [] => Err(403),
        [unit] => Ok(unit),
        _ => Err(400),
    }
}

/// What an account sees of a unit, or the status of the refusal.
pub fn seen(authority: &Authority, account: &Account, question: &Question, chains: &Chains) -> Result<Seen, u16> {
    let unit = question.unit;
    if !authority.has_role_for(account, Action::ReportsRead) {
        return Err(403);
    }
    if authority.units[unit].tenant != account.tenant {
        return Err(409);
    }
    let alone = chains.is_alone(unit);
    let levels = |action| {
        let along = |grant: &&Grant| authority.is_over_everything(grant) || alone || grant.hierarchy == question.hierarchy;
        let over = |grant: &&Grant| authority.is_over_everything(grant) || authority.above(unit, grant.hierarchy).contains(&grant.unit);
        let grants = account.grants.iter().filter(|grant| authority.allows_today(grant, action) && grant.classes.is_empty());
        let grants: Vec<&Grant> = grants.filter(over).filter(along).collect();
        match grants.iter().any(|grant| grant.levels.is_empty()) {
            true => Levels::All,
            false => Levels::Only(EducationLevel::ALL.iter().copied().filter(|level| grants.iter().any(|grant| grant.levels.contains(level))).collect()),
        }
    };
    let reported = levels(Action::ReportsRead);
    if reported == Levels::Only(Vec::new()) {
        // A grant over a class shows the school that it is in.
        let shows = |grant: &Grant| authority.reaches(grant, Standing { unit, level: None, class: grant.classes.first().copied() });
        let known = account.grants.iter().any(|grant| authority.allows_today(grant, Action::UnitsRead) && shows(grant));
        return Err(if known { 403 } else { 409 });
    }
    let persons = match (&reported, levels(if question.subject == Subject::Staff { Action::StaffReadSensitive } else { Action::StudentsReadSensitive })) {
        (_, Levels::All) => true,
        (Levels::All, _) => false,
        (Levels::Only(reported), Levels::Only(personal)) => reported.iter().all(|level| personal.contains(level)),
    };
    Ok(Seen { levels: reported, persons })
}

impl Seen {
    /// The people of the unit and below whose levels the account sees; whoever has none belongs to every level of the unit.
    pub fn people<'a>(&self, authority: &Authority, question: &Question, chains: &Chains, people: &'a [Person]) -> Vec<&'a Person> {
        let covers = |person: &Person| match (&self.levels, person.state.level) {
            (Levels::All, _) => true,
            (Levels::Only(levels), Some(of)) => levels.iter().any(|level| level.as_str() == of),
            (Levels::Only(levels), None) => levels.iter().any(|level| authority.units[person.unit].levels.contains(level)),
        };
        let within = |person: &&Person| person.subject == question.subject && chains.depth(person.unit, question.unit).is_some();
        people.iter().filter(within).filter(|person| covers(person)).collect()
    }
}

/// The units that have rows, though nobody be in them: those so many levels below that are open on the day.
pub fn open_units(authority: &Authority, question: &Question, chains: &Chains, levels: usize) -> Vec<usize> {
    let open = |unit: &usize| authority.units[*unit].closed_on.is_none_or(|closed| question.on <= closed);
    (0..authority.units.len()).filter(|unit| chains.depth(*unit, question.unit) == Some(levels)).filter(open).collect()
}

/// How many people there are under each key.
pub fn counts<K: Ord>(people: &[&Person], key: impl Fn(&Person) -> K) -> BTreeMap<K, i64> {
    let mut counts = BTreeMap::new();
    for person in people {
        *counts.entry(key(person)).or_default() += 1;
    }
    counts
}

pub fn other(hierarchy: Hierarchy) -> Hierarchy {
    BOTH[usize::from(hierarchy == BOTH[0])]
}
