//! People for demonstration data: as many as wanted, plausible, and the same on every machine.
//!
//! Each person follows from a seed and an index alone, so that any part of a population can be made in any order, in
//! parallel, twice. Whoever looks at the data should recognise a Vietnamese school: surnames occur as often as they
//! do, names fit gender and generation, ages fit the grade, personal numbers fit gender and year of birth.
//!
//! **Uniqueness.** For one seed no two people share a personal number, up to 7.6 million staff and 17.6 million pupils
//! (given one school year per population); see [`NumberRange`]. Codes and e-mail addresses are unique as well,
//! names and telephone numbers are not. All of it is fictitious, but a personal number has no room for saying so: it may
//! by chance be somebody's.

use chrono::{Days, NaiveDate};
use registrar_domain::text::search_key;
use registrar_domain::{EducationLevel, Gender};

use super::draws::Draws;
use super::people_names::{FEMALE_GIVEN, FEMALE_MIDDLE, MALE_GIVEN, MALE_MIDDLE, SURNAMES};
use super::people_numbers::{AREAS, NumberRange, pupil_gender_and_area, spread, staff_birth_year};

/// A made-up member of staff; texts are in the form their types in `registrar_domain` parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoStaff {
    /// Staff code (số hiệu cán bộ): the unit's code, a hyphen, the index in five digits or more.
    pub staff_code: String,
    /// Full name (họ và tên).
    pub full_name: String,
    /// Gender (giới tính); about three in four are women.
    pub gender: Gender,
    /// Date of birth (ngày sinh), in the years 1965 to 2002: 23 to 60 years old in 2025.
    pub birth_date: NaiveDate,
    /// Personal number (số định danh cá nhân), 12 digits, consistent with gender and year of birth.
    pub personal_number: String,
    /// Mobile phone (điện thoại di động), 10 digits of a range no operator uses.
    pub phone: String,
    /// E-mail address under `example`, which RFC 2606 reserves.
    pub email: String,
}

/// A made-up pupil; texts are in the form their types in `registrar_domain` parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPupil {
    /// Student code (mã học sinh), 10 digits.
    pub student_code: String,
    /// Full name (họ và tên).
    pub full_name: String,
    /// Gender (giới tính).
    pub gender: Gender,
    /// Date of birth (ngày sinh), fitting the grade; a few in a hundred are older.
    pub birth_date: NaiveDate,
    /// Personal number (số định danh cá nhân), 12 digits, consistent with gender and year of birth.
    pub personal_number: String,
    /// Phone of the family (số điện thoại liên lạc), 10 digits of a range no operator uses.
    pub contact_phone: String,
}

/// The member of staff number `index` of a population, working in the unit with the code `unit`.
#[must_use]
pub fn staff_member(seed: u64, index: u64, unit: &str) -> DemoStaff {
    let (turn, place) = NumberRange::STAFF.locate(index);
    let birth_year = staff_birth_year(seed, turn, place);
    let mut draws = Draws::new(seed, "staff", index);
    let gender = if draws.chance(74) { Gender::Female } else { Gender::Male };
    let birth_date = day_of_year(birth_year, &mut draws);
    let area = draws.weighted(AREAS);
    let full_name = full_name(gender, Generation::Staff, &mut draws);
    DemoStaff {
        staff_code: format!("{unit}-{index:05}"),
        personal_number: NumberRange::STAFF.number(seed, place, area, gender, birth_year),
        phone: phone(&mut draws),
        email: email(&full_name, index),
        full_name,
        gender,
        birth_date,
    }
}

/// The pupil number `index` of a population, in a class of the level and grade in the school year that begins in the
/// calendar year `school_year_start`. Preschool has no grades: its children are 3 to 5 years old. A grade that is
/// missing elsewhere is taken as the level's first.
#[must_use]
pub fn pupil(seed: u64, index: u64, level: EducationLevel, grade: Option<i16>, school_year_start: i32) -> DemoPupil {
    let mut draws = Draws::new(seed, "pupil age", index);
    let age = match level.grades() {
        None => 3 + draws.below(3),
        Some(grades) => {
            let usual = 5 + u64::from(grade.unwrap_or(*grades.start()).unsigned_abs());
            let late = if level == EducationLevel::GDTX { draws.below(5) } else { years_late(&mut draws) };
            usual + late
        }
    };
    child(seed, index, age, school_year_start)
}

/// The number of pupils in the class number `index` of a population: 25 to 45, most often about 35.
#[must_use]
pub fn class_size(seed: u64, index: u64) -> usize {
    let mut draws = Draws::new(seed, "class size", index);
    let pupils = 25 + draws.below(11) + draws.below(11);
    usize::try_from(pupils).unwrap_or(35)
}

fn child(seed: u64, index: u64, age: u64, school_year_start: i32) -> DemoPupil {
    let (turn, place) = NumberRange::PUPILS.locate(index);
    let (gender, area) = pupil_gender_and_area(seed, turn, place);
    let mut draws = Draws::new(seed, "pupil", index);
    let birth_year = school_year_start.saturating_sub(i32::try_from(age).unwrap_or_default());
    let birth_date = day_of_year(birth_year, &mut draws);
    DemoPupil {
        student_code: format!("49{:08}", spread(seed ^ 1, index % STUDENT_CODES, STUDENT_CODES)),
        full_name: full_name(gender, Generation::Pupils, &mut draws),
        gender,
        personal_number: NumberRange::PUPILS.number(seed, place, area, gender, birth_year),
        contact_phone: phone(&mut draws),
        birth_date,
    }
}

/// Calendar years that a pupil is behind the usual age: 95 of 100 none, 4 one, 1 two.
fn years_late(draws: &mut Draws) -> u64 {
    match draws.below(100) {
        0..95 => 0,
        95..99 => 1,
        _ => 2,
    }
}

/// How many student codes there are after the two digits of the province.
const STUDENT_CODES: u64 = 100_000_000;

fn day_of_year(year: i32, draws: &mut Draws) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    let days = if first.leap_year() { 366 } else { 365 };
    first.checked_add_days(Days::new(draws.below(days))).unwrap_or(first)
}

/// Names follow the fashion of their time: Văn and Thị rule among staff and are rare among pupils.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    Staff,
    Pupils,
}

fn full_name(gender: Gender, generation: Generation, draws: &mut Draws) -> String {
    let (traditional, middle, given) = match gender {
        Gender::Female => ("Thị", FEMALE_MIDDLE, FEMALE_GIVEN),
        Gender::Male | Gender::Unspecified => ("Văn", MALE_MIDDLE, MALE_GIVEN),
    };
    let (traditional_share, double_share) = match generation {
        Generation::Staff => (50, 15),
        Generation::Pupils => (14, 22),
    };
    let surname = draws.weighted(SURNAMES);
    let given = draws.choose(given);
    let modern = draws.choose(middle);
    let first = if draws.chance(traditional_share) || modern == given { traditional } else { modern };
    let second = if draws.chance(double_share) { Some(draws.choose(middle)) } else { None };
    let mut name = format!("{surname} {first} ");
    if let Some(second) = second.filter(|second| *second != first && *second != given) {
        name.push_str(second);
        name.push(' ');
    }
    name.push_str(given);
    name
}

/// Ten digits beginning with 095, whose operator closed: nobody is called by a demonstration.
fn phone(draws: &mut Draws) -> String {
    format!("095{:07}", draws.below(10_000_000))
}

fn email(full_name: &str, index: u64) -> String {
    let name = search_key(full_name);
    let (others, given) = name.rsplit_once(' ').unwrap_or(("", &name));
    let initials = others.split(' ').filter_map(|word| word.chars().next());
    let mut local = format!("{given}.");
    local.extend(initials);
    format!("{local}{index}@school.example")
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use chrono::Datelike;
    use registrar_domain::{Code, EmailAddress, PersonName, PersonalNumber, PhoneNumber};

    use super::*;

    const SEED: u64 = 20_250_905;

    fn any_pupil(index: u64) -> DemoPupil {
        let grade = i16::try_from(index % 12).unwrap() + 1;
        let level = match grade {
            1..=5 => EducationLevel::TH,
            6..=9 => EducationLevel::THCS,
            _ => EducationLevel::THPT,
        };
        pupil(SEED, index, level, Some(grade), 2025)
    }

    #[test]
    fn no_two_people_share_a_personal_number_or_code() {
        let (pupils, staff) = (1_000_000, 200_000);
        let mut numbers = HashSet::with_capacity(1_200_000);
        let mut codes = HashSet::with_capacity(1_000_000);
        for person in (0..pupils).map(any_pupil) {
            assert!(numbers.insert(person.personal_number.parse::<u64>().unwrap()), "{person:?}");
            assert!(codes.insert(person.student_code.parse::<u64>().unwrap()), "{person:?}");
        }
        for person in (0..staff).map(|index| staff_member(SEED, index, "TH-1")) {
            assert!(numbers.insert(person.personal_number.parse::<u64>().unwrap()), "{person:?}");
        }
        // The worst case: one grade, and places that meet again in every turn.
        let mut numbers = HashSet::new();
        for (turn, place) in (0..22).flat_map(|turn| (0..2_000).map(move |place| (turn, place))) {
            let person = pupil(SEED, turn * 800_000 + place, EducationLevel::TH, Some(1), 2025);
            assert!(numbers.insert(person.personal_number), "turn {turn}, place {place}");
        }
        for (turn, place) in (0..38).flat_map(|turn| (0..2_000).map(move |place| (turn, place))) {
            let person = staff_member(SEED, turn * 200_000 + place, "TH-1");
            assert!(numbers.insert(person.personal_number), "turn {turn}, place {place}");
        }
    }

    #[test]
    fn surnames_are_as_frequent_as_they_are() {
        let people = 100_000_u32;
        let mut counts: HashMap<String, u32> = HashMap::new();
        for index in 0..u64::from(people) {
            let name = any_pupil(index).full_name;
            let surname = name.split(' ').next().unwrap().to_owned();
            *counts.entry(surname).or_default() += 1;
        }
        for (surname, share) in SURNAMES {
            let found = f64::from(counts.get(*surname).copied().unwrap_or_default()) / f64::from(people);
            let expected = f64::from(*share) / 10_000.0;
            assert!((found - expected).abs() < 0.005, "{surname}: {found} instead of {expected}");
        }
    }

    #[test]
    fn what_is_generated_is_what_the_domain_accepts() {
        let today = NaiveDate::from_ymd_opt(2025, 9, 5).unwrap();
        let check = |number: &str, gender, birth_date, name: &str, phone: &str, code: &str| {
            let number = PersonalNumber::parse_on(number, today).unwrap();
            assert_eq!(number.check(Some(gender), Some(birth_date)), []);
            assert_eq!(PersonName::parse(name).unwrap().as_str(), name);
            assert_eq!(PhoneNumber::parse(phone).unwrap().as_str(), phone);
            assert_eq!(Code::parse(code).unwrap().as_str(), code);
        };
        for index in (0..2_000_000).step_by(97) {
            let p = any_pupil(index);
            check(&p.personal_number, p.gender, p.birth_date, &p.full_name, &p.contact_phone, &p.student_code);
            assert_eq!(p.student_code.len(), 10);
            let s = staff_member(SEED, index, "TH-1");
            check(&s.personal_number, s.gender, s.birth_date, &s.full_name, &s.phone, &s.staff_code);
            assert_eq!(EmailAddress::parse(&s.email).unwrap().as_str(), s.email);
            assert!((1965..=2002).contains(&s.birth_date.year()));
        }
    }

    #[test]
    fn ages_fit_grades() {
        for index in 0..2_000 {
            let sixth = pupil(SEED, index, EducationLevel::THCS, Some(6), 2025).birth_date.year();
            assert!((2012..=2014).contains(&sixth), "{sixth}");
            let evening = pupil(SEED, index, EducationLevel::GDTX, Some(10), 2025).birth_date.year();
            assert!((2006..=2010).contains(&evening), "{evening}");
            let infant = pupil(SEED, index, EducationLevel::MN, None, 2025).birth_date.year();
            assert!((2020..=2022).contains(&infant), "{infant}");
        }
        let usual = (0..10_000).filter(|index| pupil(SEED, *index, EducationLevel::TH, Some(1), 2025).birth_date.year() == 2019);
        assert!((9_300..9_700).contains(&usual.count()));
    }

    #[test]
    fn shares_of_women_and_of_the_home_province() {
        let staff: Vec<DemoStaff> = (0..20_000).map(|index| staff_member(SEED, index, "U")).collect();
        let women = staff.iter().filter(|person| person.gender == Gender::Female).count();
        assert!((14_400..15_200).contains(&women), "{women}");
        let home = staff.iter().filter(|person| person.personal_number.starts_with("049")).count();
        assert!((16_400..17_200).contains(&home), "{home}");
        let girls = (0..20_000).filter(|index| any_pupil(*index).gender == Gender::Female).count();
        assert!((9_300..9_900).contains(&girls), "{girls}");
    }

    #[test]
    fn people_depend_on_seed_and_index_alone() {
        assert_eq!(any_pupil(4_711), any_pupil(4_711));
        assert_eq!(staff_member(1, 2, "A"), staff_member(1, 2, "A"));
        assert_ne!(staff_member(1, 2, "A").full_name, staff_member(9, 2, "A").full_name);
        assert_eq!(staff_member(1, 2, "A").full_name, staff_member(1, 2, "B").full_name);
    }

    #[test]
    fn classes_have_25_to_45_pupils() {
        let sizes: Vec<usize> = (0..10_000).map(|index| class_size(SEED, index)).collect();
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&25), Some(&45)));
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((34..=35).contains(&mean), "{mean}");
    }
}
