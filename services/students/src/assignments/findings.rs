//! What is odd about the assignments of a school in a school year: rules without I/O. [`store`] brings the facts, [`api`]
//! says what was found.

pub mod api;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use registrar_codes::{fields::Subject, list};
use registrar_domain::EducationLevel;
use uuid::Uuid;

registrar_domain::text_enum! {
    /// What is odd about the assignments of a class or a teacher.
    FindingKind {
        /// Nobody is the class's homeroom teacher (chưa có giáo viên chủ nhiệm).
        NoHomeroomTeacher = "no_homeroom_teacher",
        /// The homeroom teacher has left (giáo viên chủ nhiệm đã nghỉ).
        HomeroomTeacherLeft = "homeroom_teacher_left",
        /// Several teachers have a subject in a class on the same days (phân công trùng). It may be meant, where they share
        /// a subject of several fields (khoa học tự nhiên, lịch sử và địa lí).
        Overlap = "overlap",
        /// Nobody has a subject in a class on some days, and somebody on others (thiếu người dạy một thời gian).
        Gap = "gap",
        /// Nobody has a subject in a class that the curriculum makes compulsory in its grade (môn bắt buộc chưa phân công).
        Unassigned = "unassigned",
        /// A teacher who has left still has a subject in a class (giáo viên đã nghỉ).
        TeacherLeft = "teacher_left",
        /// A teacher has more periods a week than the norm of the education level (vượt định mức tiết dạy).
        OverNorm = "over_norm",
    }
}

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: NaiveDate,
    /// The last day, not before the first.
    pub to: NaiveDate,
}

impl Days {
    /// The days from one to another; none when that ends before it begins.
    #[must_use]
    pub fn new(from: NaiveDate, to: NaiveDate) -> Option<Self> {
        (from <= to).then_some(Days { from, to })
    }

    /// The days that both have.
    #[must_use]
    pub fn common(self, other: Days) -> Option<Self> {
        Days::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }
}

/// A class that is looked at.
#[derive(Clone, Debug)]
pub struct ClassFacts {
    /// Its id.
    pub id: Uuid,
    /// Its education level.
    pub level: EducationLevel,
    /// Its grade.
    pub grade: Option<i16>,
    /// Its days of the school year.
    pub days: Days,
    /// Its homeroom teacher.
    pub homeroom_teacher: Option<Uuid>,
}

/// What somebody teaches, in a class that is looked at or elsewhere.
#[derive(Clone, Debug)]
pub struct Taught {
    /// The class.
    pub class: Uuid,
    /// The teacher.
    pub staff: Uuid,
    /// The subject.
    pub subject: Subject,
    /// The class's education level.
    pub level: EducationLevel,
    /// Periods a week.
    pub periods: i16,
    /// On which days of the school year.
    pub days: Days,
}

/// What there is to judge.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The classes, in the order in which they are told of.
    pub classes: Vec<ClassFacts>,
    /// What the teachers of these classes teach, in them and in other classes.
    pub taught: Vec<Taught>,
    /// The teachers who have left.
    pub left: BTreeSet<Uuid>,
}

/// Something odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The class it is about; none when it is about a teacher.
    pub class: Option<Uuid>,
    /// The subject.
    pub subject: Option<Subject>,
    /// The teachers.
    pub staff: Vec<Uuid>,
    /// Periods a week, and the norm they exceed.
    pub periods: Option<(i64, i64)>,
    /// On which days.
    pub days: Days,
}

/// Everything odd: class by class, then teacher by teacher. Who has left counts from `today` on, since when they left is
/// personnel's to know.
#[must_use]
pub fn findings(facts: &Facts, today: NaiveDate) -> Vec<Finding> {
    let mut by_class: BTreeMap<Uuid, BTreeMap<&Subject, Vec<&Taught>>> = BTreeMap::new();
    let mut by_teacher: BTreeMap<Uuid, Vec<&Taught>> = BTreeMap::new();
    for taught in &facts.taught {
        by_class.entry(taught.class).or_default().entry(&taught.subject).or_default().push(taught);
        by_teacher.entry(taught.staff).or_default().push(taught);
    }
    let mut found = Vec::new();
    for class in &facts.classes {
        let subjects = by_class.remove(&class.id).unwrap_or_default();
        let from_today = Days::new(class.days.from.max(today), class.days.to);
        let about = |kind, subject: Option<&Subject>, staff: Vec<Uuid>, days| Finding { kind, class: Some(class.id), subject: subject.cloned(), staff, periods: None, days };
        match (class.homeroom_teacher, from_today) {
            (None, _) => found.push(about(FindingKind::NoHomeroomTeacher, None, Vec::new(), class.days)),
            (Some(teacher), Some(days)) if facts.left.contains(&teacher) => found.push(about(FindingKind::HomeroomTeacherLeft, None, vec![teacher], days)),
            _ => {}
        }
        for (subject, taught) in &subjects {
            let stretches = stretches(class.days, taught, |on| Some(on.iter().map(|taught| taught.staff).collect::<BTreeSet<_>>()));
            for (days, teachers) in stretches {
                match teachers.len() {
                    0 => found.push(about(FindingKind::Gap, Some(subject), Vec::new(), days)),
                    1 => {}
                    _ => found.push(about(FindingKind::Overlap, Some(subject), teachers.into_iter().collect(), days)),
                }
            }
            let gone = taught.iter().filter(|taught| facts.left.contains(&taught.staff));
            let still = gone.filter_map(|taught| Some((taught.staff, taught.days.common(from_today?)?)));
            found.extend(still.map(|(teacher, days)| about(FindingKind::TeacherLeft, Some(subject), vec![teacher], days)));
        }
        let missing = compulsory(class).into_iter().filter(|subject| !subjects.contains_key(subject));
        found.extend(missing.map(|subject| about(FindingKind::Unassigned, Some(&subject), Vec::new(), class.days)));
    }
    found.extend(by_teacher.into_iter().flat_map(|(teacher, taught)| over_norm(teacher, &taught)));
    found
}

/// The stretches of a teacher's days with more periods a week than the norm. Where levels with different norms meet, the
/// least holds.
fn over_norm(teacher: Uuid, taught: &[&Taught]) -> Vec<Finding> {
    let counted: Vec<&Taught> = taught.iter().copied().filter(|taught| norm(taught.level).is_some()).collect();
    let from = counted.iter().map(|taught| taught.days.from).min();
    let to = counted.iter().map(|taught| taught.days.to).max();
    let Some(days) = from.zip(to).and_then(|(from, to)| Days::new(from, to)) else { return Vec::new() };
    let over = stretches(days, &counted, |on| {
        let periods = on.iter().map(|taught| i64::from(taught.periods)).sum::<i64>();
        let norm = on.iter().filter_map(|taught| norm(taught.level)).min()?;
        (periods > norm).then_some((periods, norm))
    });
    over.into_iter().map(|(days, periods)| Finding { kind: FindingKind::OverNorm, class: None, subject: None, staff: vec![teacher], periods: Some(periods), days }).collect()
}

/// The norm of periods a week (định mức tiết dạy) of a teacher of this level: TT 28/2009/TT-BGDĐT as amended by TT 15/2017,
/// the same in TT 05/2025. Preschool has hours a day instead, and continuing education rules of its own.
#[must_use]
pub fn norm(level: EducationLevel) -> Option<i64> {
    match level {
        EducationLevel::TH => Some(23),
        EducationLevel::THCS => Some(19),
        EducationLevel::THPT => Some(17),
        EducationLevel::MN | EducationLevel::GDTX => None,
    }
}

/// The subjects that the curriculum makes compulsory in the class's grade.
fn compulsory(class: &ClassFacts) -> Vec<Subject> {
    let (choice, periods) = match class.level {
        EducationLevel::TH => ("choice_primary", "periods_primary"),
        EducationLevel::THCS => ("choice_lower_secondary", "periods_lower_secondary"),
        EducationLevel::THPT => ("choice_upper_secondary", "periods_upper_secondary"),
        EducationLevel::MN | EducationLevel::GDTX => return Vec::new(),
    };
    let subjects = list("vn-subject").map(|list| list.current(class.days.from).entries()).unwrap_or_default();
    let taught = subjects.iter().filter(|entry| entry.attribute(choice) == Some("compulsory") && entry.attribute(periods).is_some_and(|periods| in_grade(periods, class.grade)));
    taught.filter_map(|entry| Subject::parse(&entry.value()).ok()).collect()
}

/// Whether a subject with these periods a year is taught in a grade: `70` says in every grade of the level, `1:105|2-5:175`
/// in which ones.
fn in_grade(periods: &str, grade: Option<i16>) -> bool {
    periods.split('|').any(|part| {
        let Some((grades, _)) = part.split_once(':') else { return true };
        let (first, last) = grades.split_once('-').unwrap_or((grades, grades));
        let bounds = first.parse::<i16>().ok().zip(last.parse::<i16>().ok());
        bounds.zip(grade).is_some_and(|((first, last), grade)| (first..=last).contains(&grade))
    })
}

/// The longest stretches of `within` on whose every day `judge` says the same of what is taught that day; those of which it
/// says nothing are left out.
fn stretches<K: PartialEq>(within: Days, taught: &[&Taught], judge: impl Fn(&[&Taught]) -> Option<K>) -> Vec<(Days, K)> {
    // From one of these days to the eve of the next nothing changes.
    let turns = taught.iter().flat_map(|taught| [Some(taught.days.from), taught.days.to.succ_opt()]).flatten();
    let turns: BTreeSet<NaiveDate> = turns.filter(|day| within.contains(*day)).chain([within.from]).collect();
    let ends = turns.iter().skip(1).filter_map(|next| next.pred_opt()).chain([within.to]);
    let mut found: Vec<(Days, K)> = Vec::new();
    for (from, to) in turns.iter().copied().zip(ends) {
        let on: Vec<&Taught> = taught.iter().copied().filter(|taught| taught.days.contains(from)).collect();
        let Some(said) = judge(&on) else { continue };
        match found.last_mut() {
            Some((days, last)) if *last == said && days.to.succ_opt() == Some(from) => days.to = to,
            _ => found.push((Days { from, to }, said)),
        }
    }
    found
}

#[cfg(test)]
mod tests;
