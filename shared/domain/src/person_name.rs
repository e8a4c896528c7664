//! Names of people.

use crate::TextError;
use crate::text::{clean, comparison_key, search_key, sort_key};
use crate::text_newtype::text_newtype;

text_newtype! {
    /// Full name of a person (họ và tên, 姓名; S1-009, S1-055): 1 to 200 characters with at least one letter and no
    /// control characters, in the order family, middle, given as people write it. White space is made even.
    PersonName {
        parse: parse,
        min: 1,
        max: MAX,
        pattern: r"\S",
        format: None,
        example: "Nguyễn Thị Thuý",
    }
}

const MAX: usize = 200;

fn parse(text: &str) -> Result<String, TextError> {
    let name = clean(text);
    if name.is_empty() {
        return Err(TextError::Empty);
    }
    if name.chars().count() > MAX {
        return Err(TextError::TooLong { max: MAX });
    }
    if name.chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err(TextError::NoLetter);
    }
    Ok(name)
}

impl PersonName {
    /// The key on which two names are the same; see [`crate::text::comparison_key`].
    #[must_use]
    pub fn comparison_key(&self) -> String {
        comparison_key(self.as_str())
    }

    /// The key to find the name by without typing accents; see [`crate::text::search_key`].
    #[must_use]
    pub fn search_key(&self) -> String {
        search_key(self.as_str())
    }

    /// The key that puts names in the order of class lists; see [`crate::text::sort_key`].
    #[must_use]
    pub fn sort_key(&self) -> String {
        sort_key(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::PersonName;
    use crate::TextError;

    #[test]
    fn names_are_cleaned_and_checked() {
        assert_eq!(PersonName::parse("  Nguye\u{302}\u{303}n\u{a0} An ").unwrap().as_str(), "Nguyễn An");
        assert_eq!(PersonName::parse("王小明").unwrap().to_string(), "王小明");
        assert_eq!(PersonName::parse("H'Hen Niê").unwrap().search_key(), "h'hen nie");
        assert_eq!(PersonName::parse(" \u{a0}"), Err(TextError::Empty));
        assert_eq!(PersonName::parse("123 - ."), Err(TextError::NoLetter));
        assert_eq!(PersonName::parse("An\0Bình"), Err(TextError::ControlCharacter));
        assert!(PersonName::parse(&"ễ".repeat(200)).is_ok());
        assert_eq!(PersonName::parse(&"ễ".repeat(201)), Err(TextError::TooLong { max: 200 }));
    }

    #[test]
    fn json_refuses_what_parse_refuses() {
        assert_eq!(serde_json::from_str::<PersonName>("\" An \"").unwrap().as_str(), "An");
        assert!(serde_json::from_str::<PersonName>("\"\"").unwrap_err().to_string().contains("must not be empty"));
    }

    #[test]
    fn schema_catches_what_it_can() {
        let schema = jsonschema::validator_for(&serde_json::to_value(PersonName::schema()).unwrap()).unwrap();
        assert!(schema.is_valid(&"Nguyễn Thị Thuý".into()));
        assert!(!schema.is_valid(&"   ".into()));
        assert!(!schema.is_valid(&"a".repeat(201).into()));
        assert!(!schema.is_valid(&12.into()));
    }
}
