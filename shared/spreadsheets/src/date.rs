//! Dates as people write them.

use chrono::{Datelike, NaiveDate};

use crate::Fault;

/// Earlier years are slips of the pen such as 0210.
const EARLIEST_YEAR: i32 = 1800;

/// What programs write after a date that has no time of day.
const MIDNIGHTS: [&str; 5] = ["T00:00:00Z", "T00:00:00.000Z", "T00:00:00.000", "T00:00:00", " 00:00:00"];

/// The day that a text names: `d/m/yyyy`, `yyyy-m-d` or `yyyy年m月d日`, with `/`, `-` or `.` between the parts. A day
/// always stands before its month, as in Viet Nam; a year always has four digits.
pub(crate) fn parse(text: &str) -> Result<NaiveDate, Fault> {
    let text = MIDNIGHTS.iter().find_map(|midnight| text.strip_suffix(midnight)).unwrap_or(text);
    let [first, second, third] = parts(text).ok_or(Fault::NotADate)?;
    let (year, month, day) = match (first.len(), second.len(), third.len()) {
        (4, 1..=2, 1..=2) => (first, second, third),
        (1..=2, 1..=2, 4) => (third, second, first),
        (1..=2, 1..=2, 1..=2) => return Err(Fault::AmbiguousDate),
        _ => return Err(Fault::NotADate),
    };
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| Fault::NotADate);
    let (year, month, day) = (year.parse().map_err(|_| Fault::NotADate)?, number(month)?, number(day)?);
    NaiveDate::from_ymd_opt(year, month, day).filter(|date| date.year() >= EARLIEST_YEAR).ok_or(Fault::ImpossibleDate)
}

fn parts(text: &str) -> Option<[&str; 3]> {
    let parts = match text.split_once('年') {
        Some((year, rest)) => {
            let (month, rest) = rest.split_once('月')?;
            [year, month, rest.strip_suffix(['日', '号'])?]
        }
        None => {
            let separator = ['/', '-', '.'].into_iter().find(|separator| text.contains(*separator))?;
            let (first, rest) = text.split_once(separator)?;
            let (second, third) = rest.split_once(separator)?;
            [first, second, third]
        }
    };
    let parts = parts.map(str::trim);
    parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_a_date() {
        let expected = NaiveDate::from_ymd_opt(2010, 5, 3).unwrap();
        for text in ["03/05/2010", "3/5/2010", "03-05-2010", "3.5.2010", "2010-05-03", "2010/5/3", "2010年5月3日", "2010 年 5 月 3 日", "2010-05-03T00:00:00", "3 / 5 / 2010"]
        {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn dates_that_are_not_guessed() {
        let code = |text| parse(text).unwrap_err().code();
        for text in ["31/02/2010", "04/13/2010", "29/02/2011", "01/01/0210", "0/1/2010"] {
            assert_eq!(code(text), "impossible_date", "{text}");
        }
        for text in ["03/05/10", "10-05-03"] {
            assert_eq!(code(text), "ambiguous_date", "{text}");
        }
        for text in ["", "2010", "05/2010", "3-5/2010", "a/b/2010", "1/2/3/2010", "20100503", "+1/2/2010", "2010年5月", "2010-05-03T07:00:00", "00003/5/2010"] {
            assert_eq!(code(text), "not_a_date", "{text}");
        }
    }
}
