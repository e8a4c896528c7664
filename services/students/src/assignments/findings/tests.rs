use proptest::prelude::*;

use super::*;

fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 9, 1).unwrap() + chrono::Days::new(number.into())
}

fn days(from: u32, to: u32) -> Days {
    Days::new(day(from), day(to)).unwrap()
}

fn subject(code: &str) -> Subject {
    Subject::parse(&format!("vn-subject/2018/{code}")).unwrap()
}

fn taught(class: u128, staff: u128, code: &str, from: u32, to: u32) -> Taught {
    Taught { class: Uuid::from_u128(class), staff: Uuid::from_u128(staff), subject: subject(code), level: EducationLevel::MN, periods: 4, days: days(from, to) }
}

/// A preschool class, of which the curriculum asks nothing, of 40 days with a homeroom teacher.
fn class(id: u128) -> ClassFacts {
    ClassFacts { id: Uuid::from_u128(id), level: EducationLevel::MN, grade: None, days: days(0, 39), homeroom_teacher: Some(Uuid::from_u128(9)) }
}

fn found(facts: &Facts, today: u32) -> Vec<(FindingKind, Vec<u128>, Days)> {
    let staff = |finding: &Finding| finding.staff.iter().map(Uuid::as_u128).collect();
    findings(facts, day(today)).iter().map(|finding| (finding.kind, staff(finding), finding.days)).collect()
}

#[test]
fn two_teachers_of_a_subject_on_the_same_days_overlap_and_days_without_any_are_a_gap() {
    // S1-071.
    let lessons = vec![taught(1, 1, "TOAN", 5, 20), taught(1, 2, "TOAN", 15, 25), taught(1, 2, "TOAN", 26, 30), taught(1, 3, "LSDL", 0, 39), taught(2, 3, "TOAN", 0, 39)];
    let facts = Facts { classes: vec![class(1), class(2)], taught: lessons, left: BTreeSet::new() };
    let wanted = [(FindingKind::Gap, vec![], days(0, 4)), (FindingKind::Overlap, vec![1, 2], days(15, 20)), (FindingKind::Gap, vec![], days(31, 39))];
    assert_eq!(found(&facts, 0), wanted);
    assert!(findings(&facts, day(0)).iter().all(|finding| finding.class == Some(Uuid::from_u128(1)) && finding.subject == Some(subject("TOAN"))));
}

#[test]
fn who_has_left_is_told_of_from_today_on() {
    let facts =
        Facts { classes: vec![class(1)], taught: vec![taught(1, 1, "TOAN", 0, 20), taught(1, 2, "TOAN", 21, 39)], left: BTreeSet::from([Uuid::from_u128(1), Uuid::from_u128(9)]) };
    assert_eq!(found(&facts, 10), [(FindingKind::HomeroomTeacherLeft, vec![9], days(10, 39)), (FindingKind::TeacherLeft, vec![1], days(10, 20))]);
    assert_eq!(found(&facts, 21), [(FindingKind::HomeroomTeacherLeft, vec![9], days(21, 39))]);
    assert_eq!(found(&facts, 40), []);
    let without = ClassFacts { homeroom_teacher: None, ..class(1) };
    assert_eq!(found(&Facts { classes: vec![without], ..Facts::default() }, 40), [(FindingKind::NoHomeroomTeacher, vec![], days(0, 39))]);
}

#[test]
fn compulsory_subjects_follow_level_and_grade() {
    let of = |level, grade| {
        let class = ClassFacts { level, grade: Some(grade), ..class(1) };
        compulsory(&class).iter().map(|subject| subject.code().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(EducationLevel::TH, 1), ["TIENG_VIET", "TOAN", "DAO_DUC", "TNXH", "GDTC", "NT", "HDTN"]);
    let fifth = of(EducationLevel::TH, 5);
    assert!(["NN1", "LSDL", "KHOA_HOC", "THCN"].iter().all(|code| fifth.contains(&(*code).to_owned())) && !fifth.contains(&"TNXH".to_owned()));
    assert!(of(EducationLevel::THCS, 9).contains(&"KHTN".to_owned()));
    assert!(!of(EducationLevel::THPT, 10).contains(&"VL".to_owned()), "an elective is not compulsory");
    assert_eq!(of(EducationLevel::GDTX, 10), Vec::<String>::new());
    let facts = Facts { classes: vec![ClassFacts { level: EducationLevel::TH, grade: Some(1), ..class(1) }], taught: vec![taught(1, 1, "TOAN", 0, 39)], left: BTreeSet::new() };
    let missing: Vec<_> = findings(&facts, day(0)).into_iter().filter(|finding| finding.kind == FindingKind::Unassigned).map(|finding| finding.subject.unwrap()).collect();
    assert_eq!(missing, ["TIENG_VIET", "DAO_DUC", "TNXH", "GDTC", "NT", "HDTN"].map(subject));
}

#[test]
fn periods_above_the_norm_of_the_level_are_told_with_both_numbers() {
    let with = |staff: u128, level, periods, from, to| Taught { level, periods, ..taught(7, staff, "TOAN", from, to) };
    use EducationLevel::{MN, TH, THCS};
    let lessons = vec![
        with(1, THCS, 19, 0, 39),
        with(2, THCS, 15, 0, 39),
        with(2, THCS, 5, 10, 19),
        with(3, TH, 23, 0, 39),
        with(4, TH, 10, 0, 39),
        with(4, THCS, 10, 20, 39),
        with(5, MN, 40, 0, 39),
    ];
    let facts = Facts { taught: lessons, ..Facts::default() };
    let wanted = [(vec![2], days(10, 19), Some((20, 19))), (vec![4], days(20, 39), Some((20, 19)))];
    let told: Vec<_> = findings(&facts, day(0)).into_iter().map(|finding| (finding.staff.iter().map(Uuid::as_u128).collect::<Vec<_>>(), finding.days, finding.periods)).collect();
    assert_eq!(told, wanted);
}

prop_compose! {
    fn any_taught()(staff in 1u128..4, code in prop::sample::select(vec!["TOAN", "NGU_VAN"]), from in 0u32..40, length in 0u32..20, periods in 5i16..12) -> Taught {
        Taught { level: EducationLevel::THPT, periods, ..taught(1, staff, code, from, (from + length).min(45)) }
    }
}

proptest! {
    /// Day by day: a finding is there on exactly the days on which it should be, and is never cut in two.
    #[test]
    fn findings_say_what_every_single_day_says(lessons in prop::collection::vec(any_taught(), 0..9)) {
        let facts = Facts { classes: vec![class(1)], taught: lessons.clone(), left: BTreeSet::new() };
        let all = findings(&facts, day(0));
        let subjects: BTreeSet<Subject> = lessons.iter().map(|taught| taught.subject.clone()).collect();
        for today in (0..46).map(day) {
            let here = |kind, subject: Option<&Subject>| all.iter().filter(|finding| finding.kind == kind && finding.subject.as_ref() == subject && finding.days.contains(today)).collect::<Vec<_>>();
            for subject in &subjects {
                let teachers: BTreeSet<Uuid> = lessons.iter().filter(|taught| taught.subject == *subject && taught.days.contains(today)).map(|taught| taught.staff).collect();
                let of_class = days(0, 39).contains(today);
                prop_assert_eq!(here(FindingKind::Gap, Some(subject)).len(), usize::from(of_class && teachers.is_empty()));
                let overlaps: Vec<Vec<Uuid>> = here(FindingKind::Overlap, Some(subject)).iter().map(|finding| finding.staff.clone()).collect();
                let wanted = if of_class && teachers.len() > 1 { vec![teachers.into_iter().collect::<Vec<_>>()] } else { vec![] };
                prop_assert_eq!(overlaps, wanted);
            }
            for teacher in (1..4).map(Uuid::from_u128) {
                let periods: i64 = lessons.iter().filter(|taught| taught.staff == teacher && taught.days.contains(today)).map(|taught| i64::from(taught.periods)).sum();
                let told: Vec<_> = here(FindingKind::OverNorm, None).into_iter().filter(|finding| finding.staff == [teacher]).map(|finding| finding.periods).collect();
                prop_assert_eq!(told, if periods > 17 { vec![Some((periods, 17))] } else { vec![] });
            }
        }
        for one in &all {
            let goes_on = |other: &Finding| Finding { days: one.days, ..other.clone() } == *one && one.days.to.succ_opt() == Some(other.days.from);
            prop_assert!(!all.iter().any(goes_on), "{one:?} goes on");
        }
    }
}
