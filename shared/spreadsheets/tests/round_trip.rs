//! Any rows that are written are read back as they were, in both formats and all languages.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, dead_code)]

mod support;

use chrono::NaiveDate;
use proptest::prelude::*;
use registrar_domain::Locale;
use registrar_domain::text::clean;
use registrar_spreadsheets::{Format, WriteError, Writer};
use serde_json::{Value, json};

use support::{Cells, columns, export, read};

/// Text as the database has it: cleaned, and with what could be taken for formulas, quotes, escapes and separators.
fn text() -> impl Strategy<Value = String> {
    let dangerous = prop::sample::select(vec!["=", "+", "-", "@", "'", "''=", "\"", ";", ",", "_x0041_", "<a>&amp;", "Nguyễn ", "王", "001", "TRUE", "1/2/2015"]);
    (prop::collection::vec(dangerous, 0..3), "\\PC{0,12}").prop_map(|(parts, rest)| clean(&(parts.concat() + &rest))).prop_filter("an empty text is none", |text| !text.is_empty())
}

fn row() -> impl Strategy<Value = Cells> {
    let date = (-45_000_i32..100_000).prop_map(|days| json!(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + chrono::TimeDelta::days(days.into())));
    let optional = |value: BoxedStrategy<Value>| prop::option::of(value);
    let gender = prop::sample::select(vec![json!("male"), json!("female")]);
    let group = (1..=54).prop_map(|n| json!(format!("group-{n}")));
    let score = prop_oneof![any::<i16>().prop_map(|n| f64::from(n) / 8.0), prop::num::f64::NORMAL].prop_map(|n| json!(n));
    let integer = prop_oneof![any::<i64>(), -100_i64..100].prop_map(|n| json!(n));
    (
        text(),
        date,
        optional(gender.boxed()),
        optional(group.boxed()),
        optional("[0-9]{1,20}".prop_map(|digits| json!(digits)).boxed()),
        optional(integer.boxed()),
        optional(score.boxed()),
        optional(any::<bool>().prop_map(|value| json!(value)).boxed()),
        optional(text().prop_map(|text| json!(text)).boxed()),
    )
        .prop_map(|(name, date, gender, group, number, siblings, score, boarder, note)| {
            let fields = ["gender", "ethnic_group", "personal_number", "siblings", "score", "boarder", "personal.note"];
            let mut row: Cells =
                fields.into_iter().zip([gender, group, number, siblings, score, boarder, note]).filter_map(|(field, value)| Some((field.to_owned(), value?))).collect();
            row.insert("name".to_owned(), json!(name));
            row.insert("birth_date".to_owned(), date);
            row
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn rows_that_are_written_are_read_back(rows in prop::collection::vec(row(), 1..5)) {
        for format in [Format::Xlsx, Format::Csv] {
            for locale in Locale::ALL {
                let back = read(&export(format, locale, &rows)).unwrap();
                prop_assert!(back.iter().all(|row| row.errors.is_empty()), "{back:?}");
                prop_assert_eq!(back.into_iter().map(|row| row.cells).collect::<Vec<_>>(), rows.clone(), "{:?} {:?}", format, locale);
            }
        }
    }
}

#[test]
fn dates_of_the_year_in_which_excel_miscounts_are_read_back() {
    let days = NaiveDate::from_ymd_opt(1899, 12, 25).unwrap().iter_days().take(450);
    let rows: Vec<Cells> = days.map(|day| [("name".to_owned(), json!("An")), ("birth_date".to_owned(), json!(day))].into_iter().collect()).collect();
    let back: Vec<_> = read(&export(Format::Xlsx, Locale::Vi, &rows)).unwrap().into_iter().map(|row| row.cells).collect();
    assert_eq!(back, rows);
}

#[test]
fn what_no_cell_can_hold_is_an_error() {
    let columns = columns();
    for format in [Format::Xlsx, Format::Csv] {
        let write = |value: Value| Writer::new(format, Vec::new(), &columns, Locale::Vi, "").unwrap().row(&[("name".to_owned(), value)].into_iter().collect());
        assert!(matches!(write(json!(["a"])), Err(WriteError::NotASingleValue(field)) if field == "name"));
        assert!(matches!(write(json!("a".repeat(40_000))), Err(WriteError::TooLong(field)) if field == "name"));
        assert!(write(json!("a\u{1}b")).is_ok());
    }
}
