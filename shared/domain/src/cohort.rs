//! Cohorts.

use crate::TextError;
use crate::text_newtype::text_newtype;

text_newtype! {
    /// Cohort (niên khoá, 届; S1-063): the years in which a course begins and ends, such as `2021-2026`; 1 to 12 years.
    Cohort {
        parse: parse,
        min: 9,
        max: 9,
        pattern: r"^[12][0-9]{3}-[12][0-9]{3}$",
        format: None,
        example: "2021-2026",
    }
}

fn parse(text: &str) -> Result<String, TextError> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).map(|letter| if letter == '–' { '-' } else { letter }).collect();
    let year = |part: &str| if part.len() == 4 { part.parse::<u16>().ok().filter(|year| (1900..2200).contains(year)) } else { None };
    let (first, last) = text.split_once('-').and_then(|(first, last)| Some((year(first)?, year(last)?))).ok_or(TextError::NotACohort)?;
    if (1..=12).contains(&last.saturating_sub(first)) { Ok(text) } else { Err(TextError::NotACohort) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cohort_is_two_years_in_order() {
        // S1-063
        assert_eq!(Cohort::parse(" 2021 – 2026 ").unwrap().as_str(), "2021-2026");
        for text in ["", "2021", "2026-2021", "2021-2021", "2021-2040", "21-26", "2021-2026-2030"] {
            assert_eq!(Cohort::parse(text), Err(TextError::NotACohort), "{text}");
        }
    }
}
