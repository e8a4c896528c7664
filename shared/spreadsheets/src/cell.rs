//! From what a cell holds to what it means in its column.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use registrar_domain::Locale;
use registrar_domain::text::{clean, comparison_key};
use serde_json::{Number, Value};

use crate::choice::Found;
use crate::column::Kind;
use crate::date;
use crate::fault::{Fault, MAX_SHOWN_CHARACTERS, MAX_TEXT_CHARACTERS};

/// From here on a number in Excel, which keeps 15 digits, may not be the one that was entered.
pub(crate) const EXCEL_NUMBER_LIMIT: f64 = 1e15;

/// What is read as yes, and as no; compared by comparison key.
const YES: [&str; 14] = ["x", "có", "co", "yes", "y", "true", "1", "đúng", "✓", "✔", "是", "有", "对", "√"];
const NO: [&str; 11] = ["không", "khong", "no", "n", "false", "0", "sai", "否", "无", "没有", "-"];

/// What is written for no and for yes.
pub(crate) fn boolean_text(value: bool, locale: Locale) -> &'static str {
    locale.pick(if value { ["Có", "Yes", "是"] } else { ["Không", "No", "否"] })
}

/// What a cell holds. An empty cell is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    Text(String),
    Number(f64),
    Boolean(bool),
    Moment(NaiveDateTime),
    /// An error of Excel, such as `#N/A`.
    Error(String),
    /// A formula, with what it showed last.
    Formula(Box<Raw>),
}

/// A row with its number as Excel shows it and its cells that are not empty, with the places of their columns from 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawRow {
    pub number: u32,
    pub cells: Vec<(u32, Raw)>,
}

impl Raw {
    /// The cell with a text; none if the text shows nothing.
    pub fn text(text: String) -> Option<Self> {
        (!clean(&text).is_empty()).then_some(Self::Text(text))
    }

    /// What people see in the cell.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Error(text) => clean(text),
            Self::Number(number) => number_text(*number),
            Self::Boolean(value) => value.to_string().to_uppercase(),
            Self::Moment(moment) if moment.time() == NaiveTime::MIN => moment.format("%d/%m/%Y").to_string(),
            Self::Moment(moment) => moment.format("%d/%m/%Y %H:%M:%S").to_string(),
            Self::Formula(shown) => shown.shown(),
        }
    }

    /// The beginning of what people see in the cell.
    pub fn shown_briefly(&self) -> String {
        self.shown().chars().take(MAX_SHOWN_CHARACTERS).collect()
    }

    /// What the cell means in a column of the kind; it is not empty.
    pub fn value(&self, kind: &Kind) -> Result<Value, Fault> {
        match self {
            Self::Formula(_) => Err(Fault::Formula),
            Self::Error(_) => Err(Fault::ExcelError),
            Self::Text(text) => from_text(clean(text), kind),
            Self::Number(number) => from_number(*number, kind),
            Self::Boolean(value) => match kind {
                Kind::Boolean => Ok(Value::Bool(*value)),
                _ => from_text(self.shown(), kind),
            },
            Self::Moment(moment) => match kind {
                Kind::Date if moment.time() == NaiveTime::MIN => Ok(date_value(moment.date())),
                Kind::Date => Err(Fault::NotADate),
                _ => Err(Fault::BecameDate),
            },
        }
    }
}

fn from_text(text: String, kind: &Kind) -> Result<Value, Fault> {
    if text.chars().count() > MAX_TEXT_CHARACTERS {
        return Err(Fault::TooLong);
    }
    match kind {
        Kind::Text | Kind::Digits => Ok(Value::String(text)),
        Kind::Date => date::parse(&text).map(date_value),
        Kind::Integer => integer(&text).map(Value::from).ok_or(Fault::NotAnInteger),
        Kind::Decimal => decimal(&text).map(Value::Number).ok_or(Fault::NotADecimal),
        Kind::Boolean => boolean(&text).map(Value::Bool).ok_or(Fault::NotABoolean),
        Kind::Choice(choices) => match choices.find(&text) {
            Found::One(choice) => Ok(Value::String(choice.value.clone())),
            Found::Several => Err(Fault::AmbiguousChoice(choices.clone())),
            Found::Nothing => Err(Fault::NotAChoice(choices.clone())),
        },
    }
}

fn from_number(number: f64, kind: &Kind) -> Result<Value, Fault> {
    match kind {
        Kind::Text | Kind::Boolean => from_text(number_text(number), kind),
        Kind::Digits => Err(Fault::LostZeros),
        Kind::Date => Err(Fault::NotADate),
        Kind::Integer if number.abs() < EXCEL_NUMBER_LIMIT => integer(&number_text(number)).map(Value::from).ok_or(Fault::NotAnInteger),
        Kind::Integer => Err(Fault::NotAnInteger),
        Kind::Decimal => Number::from_f64(number).map(Value::Number).ok_or(Fault::NotADecimal),
        Kind::Choice(choices) => match choices.find_number(&number_text(number)) {
            Found::One(choice) => Ok(Value::String(choice.value.clone())),
            Found::Several => Err(Fault::AmbiguousChoice(choices.clone())),
            Found::Nothing => Err(Fault::NotAChoice(choices.clone())),
        },
    }
}

fn date_value(date: NaiveDate) -> Value {
    Value::String(date.format("%Y-%m-%d").to_string())
}

/// 5 for 5.0, as Excel shows it.
fn number_text(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

/// `5`, `-5`, `5.0`; not `1.000`, which is a thousand to some.
fn integer(text: &str) -> Option<i64> {
    let whole = [".0", ",0", ".00", ",00"].iter().find_map(|zeros| text.strip_suffix(zeros)).unwrap_or(text);
    whole.parse().ok()
}

/// `8.5` and `8,5`; not `1,234`, which is a thousand to some.
fn decimal(text: &str) -> Option<Number> {
    let text = match text.split_once(',') {
        Some((_, decimals)) if decimals.len() == 3 => return None,
        Some((whole, decimals)) => format!("{whole}.{decimals}"),
        None => text.to_owned(),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    if plain { text.parse().ok().and_then(Number::from_f64) } else { None }
}

fn boolean(text: &str) -> Option<bool> {
    let key = comparison_key(text);
    if YES.contains(&key.as_str()) { Some(true) } else { NO.contains(&key.as_str()).then_some(false) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{Choice, Choices};

    fn read(raw: Raw, kind: &Kind) -> Result<Value, &'static str> {
        raw.value(kind).map_err(|fault| fault.code())
    }

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    fn day(year: i32, month: u32, day: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(year, month, day).unwrap().into()
    }

    #[test]
    fn text_is_cleaned() {
        assert_eq!(read(text("\u{a0} Nguye\u{302}\u{303}n\u{a0}\u{a0}An "), &Kind::Text), Ok(json!("Nguyễn An")));
        assert_eq!(read(Raw::Number(12.0), &Kind::Text), Ok(json!("12")));
        assert_eq!(read(Raw::Moment(day(2025, 1, 10)), &Kind::Text), Err("became_date"));
        assert_eq!(read(text(&"a".repeat(MAX_TEXT_CHARACTERS + 1)), &Kind::Text), Err("too_long"));
        assert_eq!(Raw::text("\u{a0}\u{200b} ".to_owned()), None);
    }

    #[test]
    fn dates_are_days() {
        assert_eq!(read(Raw::Moment(day(2010, 5, 3)), &Kind::Date), Ok(json!("2010-05-03")));
        assert_eq!(read(text("3/5/2010"), &Kind::Date), Ok(json!("2010-05-03")));
        assert_eq!(read(Raw::Moment(day(2010, 5, 3) + chrono::TimeDelta::hours(7)), &Kind::Date), Err("not_a_date"));
        assert_eq!(read(Raw::Number(40_301.0), &Kind::Date), Err("not_a_date"));
    }

    #[test]
    fn numbers_come_in_several_ways() {
        for raw in [Raw::Number(5.0), text("5"), text("5.0"), text("5,0")] {
            assert_eq!(read(raw, &Kind::Integer), Ok(json!(5)));
        }
        for raw in [Raw::Number(5.5), Raw::Number(1e15), Raw::Number(f64::NAN), text("1.000"), text("five"), text("1e3")] {
            assert_eq!(read(raw, &Kind::Integer), Err("not_an_integer"));
        }
        for raw in [Raw::Number(8.5), text("8.5"), text("8,5")] {
            assert_eq!(read(raw, &Kind::Decimal), Ok(json!(8.5)));
        }
        for raw in [Raw::Number(f64::INFINITY), text("1,234"), text("inf"), text("1.2.3"), text("1,2,3")] {
            assert_eq!(read(raw, &Kind::Decimal), Err("not_a_decimal"));
        }
    }

    #[test]
    fn yes_and_no_in_three_languages() {
        for raw in [Raw::Boolean(true), Raw::Number(1.0), text("X"), text("Có"), text("CÓ"), text("yes"), text("TRUE"), text("是")] {
            assert_eq!(read(raw, &Kind::Boolean), Ok(json!(true)));
        }
        for raw in [Raw::Boolean(false), Raw::Number(0.0), text("Không"), text("no"), text("否")] {
            assert_eq!(read(raw, &Kind::Boolean), Ok(json!(false)));
        }
        assert_eq!(read(text("maybe"), &Kind::Boolean), Err("not_a_boolean"));
        for locale in Locale::ALL {
            assert_eq!([true, false].map(|value| boolean(boolean_text(value, locale))), [Some(true), Some(false)]);
        }
    }

    #[test]
    fn digits_are_text() {
        assert_eq!(read(text("001234567890"), &Kind::Digits), Ok(json!("001234567890")));
        assert_eq!(read(Raw::Number(1_234_567_890.0), &Kind::Digits), Err("lost_zeros"));
    }

    #[test]
    fn choices_become_their_values() {
        let choice = |value: &str, code: &str, vi: &str| Choice { value: value.to_owned(), code: code.to_owned(), names: [vi, "Same", ""].into(), also: Vec::new() };
        let kind = Kind::Choice(Arc::new(Choices::new(vec![choice("male", "1", "Nam"), choice("female", "02", "Nữ")])));
        for raw in [text("male"), text("1"), text("NAM"), Raw::Number(1.0)] {
            assert_eq!(read(raw, &kind), Ok(json!("male")));
        }
        assert_eq!(read(Raw::Number(2.0), &kind), Ok(json!("female")));
        assert_eq!((read(text("Same"), &kind), read(text("3"), &kind)), (Err("ambiguous_choice"), Err("not_a_choice")));
    }

    #[test]
    fn formulas_and_errors_are_no_values() {
        assert_eq!(read(Raw::Formula(Box::new(text("a"))), &Kind::Text), Err("formula"));
        assert_eq!(read(Raw::Error("#N/A".to_owned()), &Kind::Text), Err("excel_error"));
    }
}
