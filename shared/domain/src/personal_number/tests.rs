use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use serde_json::Value;
use utoipa::PartialSchema;

use super::{Finding, PersonalNumber, PersonalNumberError, PersonalNumberScheme};
use crate::Gender;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../id_vectors.json")).unwrap()
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn today() -> NaiveDate {
    day(2025, 9, 5)
}

fn gender(letter: &str) -> Gender {
    match letter {
        "M" => Gender::Male,
        "F" => Gender::Female,
        other => panic!("no gender {other}"),
    }
}

/// S4: the Chinese resident number is the account name and the key of a teacher's record.
#[test]
fn every_valid_chinese_vector() {
    let vectors = vectors();
    let valid = vectors["cn_resident_id"]["valid"].as_array().unwrap();
    assert_eq!(valid.len(), 4);
    for case in valid {
        let text = case["number"].as_str().unwrap();
        let number = PersonalNumber::parse_on(text, today()).unwrap();
        let date: NaiveDate = case["birth_date"].as_str().unwrap().parse().unwrap();
        assert_eq!(number.as_str(), text);
        assert_eq!(number.scheme(), PersonalNumberScheme::CnResidentId);
        assert_eq!(number.gender(), gender(case["gender"].as_str().unwrap()));
        assert_eq!((number.birth_date(), number.birth_year()), (Some(date), date.year()));
        assert_eq!(number.check(Some(number.gender()), Some(date)), [], "{text}");
    }
}

#[test]
fn every_invalid_chinese_vector() {
    let vectors = vectors();
    let invalid = vectors["cn_resident_id"]["invalid"].as_array().unwrap();
    assert_eq!(invalid.len(), 4);
    for case in invalid {
        let text = case["number"].as_str().unwrap();
        match case["reason"].as_str().unwrap() {
            reason @ ("checksum" | "future" | "date") => {
                assert_eq!(PersonalNumber::parse_on(text, today()).unwrap_err().code(), reason, "{text}");
            }
            // "lower-case x must be normalised first": parse does that, the given text is not what is stored.
            reason => {
                assert!(reason.starts_with("format"), "{reason}");
                assert_eq!(PersonalNumber::parse(text).unwrap().as_str(), text.to_uppercase());
            }
        }
    }
}

/// S1-010, S1-056: the Vietnamese personal number of staff and pupils.
#[test]
fn every_vietnamese_vector() {
    let vectors = vectors();
    let cases = vectors["vn_cccd"]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let text = case["number"].as_str().unwrap();
        let expected = case["expected"].as_str().unwrap();
        let parsed = PersonalNumber::parse_on(text, today());
        if expected == "format" {
            assert_eq!(parsed, Err(PersonalNumberError::Format));
            continue;
        }
        let number = parsed.unwrap();
        let birth_date = case["claimed_birth_year"].as_i64().map(|year| day(i32::try_from(year).unwrap(), 6, 15));
        let findings = number.check(case["claimed_gender"].as_str().map(gender), birth_date);
        assert_eq!((number.as_str(), number.birth_date()), (text, None));
        match expected.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["ok", letter, year] => {
                assert_eq!(findings, [], "{text}");
                assert_eq!((number.gender(), number.birth_year()), (gender(letter), year.parse().unwrap()));
            }
            ["gender", "mismatch", letter] => {
                assert_eq!(findings, [Finding::GenderMismatch { expected: gender(letter) }]);
            }
            ["birth", "year", "mismatch", year] => {
                assert_eq!(findings, [Finding::BirthYearMismatch { expected: year.parse().unwrap() }]);
            }
            ["unknown", "prefix", ..] => {
                assert_eq!(findings, [Finding::UnknownAreaPrefix { prefix: "003".to_owned() }]);
                assert!(!findings[0].is_error());
            }
            other => panic!("unknown expectation {other:?}"),
        }
    }
}

#[test]
fn the_lists_of_areas_are_complete() {
    let vn = PersonalNumber::parse("087084000999").unwrap();
    let cn = PersonalNumber::parse("11010519491231002X").unwrap();
    assert_eq!(vn.known_prefixes().len(), 63);
    assert_eq!(cn.known_prefixes().len(), 34);
    assert!(vn.known_prefixes().iter().all(|prefix| prefix.len() == 3));
    assert!(cn.known_prefixes().iter().all(|prefix| prefix.len() == 2));
}

#[test]
fn input_is_normalised() {
    for text in ["１１０１０５１９４９１２３１００２ｘ", " 110105 19491231 002x ", "11010519491231002x"] {
        assert_eq!(PersonalNumber::parse(text).unwrap().as_str(), "11010519491231002X");
    }
    for text in ["", "87084000999", "0870840009990", "١٢٣٤٥٦", "0870840009-9", "X87084000999", "08708400é99", "1101051949123100XX"] {
        assert_eq!(PersonalNumber::parse(text), Err(PersonalNumberError::Format), "{text}");
    }
}

#[test]
fn numbers_of_the_future_are_refused() {
    assert_eq!(PersonalNumber::parse_on("049226000001", today()), Err(PersonalNumberError::Future));
    assert!(PersonalNumber::parse_on("049225000001", today()).is_ok());
    let born_today = PersonalNumber::parse("11010520250905001X").or_else(|_| first_with_prefix("11010520250905001"));
    let born_today = born_today.unwrap();
    assert_eq!(born_today.born_by(today()), Ok(()));
    assert_eq!(born_today.born_by(today().pred_opt().unwrap()), Err(PersonalNumberError::Future));
}

fn first_with_prefix(prefix: &str) -> Result<PersonalNumber, PersonalNumberError> {
    let found = "0123456789X".chars().find_map(|c| PersonalNumber::parse(&format!("{prefix}{c}")).ok());
    found.ok_or(PersonalNumberError::Checksum)
}

#[test]
fn findings_add_up_and_unstated_data_is_not_compared() {
    let number = PersonalNumber::parse("620102198512310097").unwrap();
    assert_eq!(number.check(None, None), []);
    assert_eq!(number.check(Some(Gender::Unspecified), None), []);
    assert_eq!(
        number.check(Some(Gender::Female), Some(day(1985, 12, 30))),
        [Finding::GenderMismatch { expected: Gender::Male }, Finding::BirthDateMismatch { expected: day(1985, 12, 31) },]
    );
}

#[test]
fn only_the_last_three_characters_show() {
    let number = PersonalNumber::parse("11010519491231002X").unwrap();
    assert_eq!(number.masked(), "***************02X");
    assert_eq!(format!("{number:?}"), "PersonalNumber(***************02X)");
    assert_eq!(PersonalNumber::parse("087084000999").unwrap().masked(), "*********999");
}

#[test]
fn json_and_schema() {
    let number: PersonalNumber = serde_json::from_str("\"11010519491231002x\"").unwrap();
    assert_eq!(serde_json::to_string(&number).unwrap(), "\"11010519491231002X\"");
    assert!(serde_json::from_str::<PersonalNumber>("\"110101199003070020\"").is_err());
    assert!(serde_json::from_str::<PersonalNumber>("87084000999").is_err());
    let schema = jsonschema::validator_for(&serde_json::to_value(PersonalNumber::schema()).unwrap()).unwrap();
    assert!(schema.is_valid(&"087084000999".into()) && schema.is_valid(&"11010519491231002X".into()));
    assert!(!schema.is_valid(&"0870840009990".into()) && !schema.is_valid(&"X1010519491231002X".into()));
}

proptest! {
    #[test]
    fn parse_never_panics_and_is_idempotent(text in "\\PC{0,20}|[0-9０-９xXｘ ]{10,20}") {
        if let Ok(number) = PersonalNumber::parse(&text) {
            prop_assert_eq!(PersonalNumber::parse(number.as_str()), Ok(number));
        }
    }

    #[test]
    fn one_wrong_digit_never_passes(sequence in 0u32..1000, place in 0usize..18, shift in 1u32..10) {
        let number = first_with_prefix(&format!("11010119900307{sequence:03}")).unwrap();
        let mut typed: Vec<char> = number.as_str().chars().collect();
        let other = (typed[place].to_digit(10).unwrap_or_default() + shift) % 10;
        typed[place] = char::from_digit(other, 10).unwrap();
        let typed: String = typed.into_iter().collect();
        prop_assert!(PersonalNumber::parse(&typed).is_err());
    }
}
