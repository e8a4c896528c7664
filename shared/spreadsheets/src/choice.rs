//! Lists to choose from, and how a value of one is recognised and written.

use std::collections::HashMap;

use registrar_domain::Locale;
use registrar_domain::text::{comparison_key, search_key};

use crate::column::Trilingual;

/// One value of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What stands in the JSON.
    pub value: String,
    /// What people may type for it, such as `01`; may be empty.
    pub code: String,
    /// Its label.
    pub names: Trilingual,
    /// What else people call it.
    pub also: Vec<String>,
}

/// A list to choose from. No value is, but for case and spacing, another's value, code or label; else it cannot be read.
#[derive(Clone, Debug)]
pub struct Choices {
    list: Vec<Choice>,
    by_key: HashMap<String, Match>,
    by_value: HashMap<String, usize>,
    /// What suggestions are looked for in, by the place of the choice.
    search_keys: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Match {
    One(usize),
    Several,
}

/// What a text stands for among [`Choices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This one.
    One(&'a Choice),
    /// More than one.
    Several,
    /// None.
    Nothing,
}

impl Choices {
    /// The list in the order in which it is shown.
    #[must_use]
    pub fn new(list: Vec<Choice>) -> Self {
        let mut by_key = HashMap::new();
        let mut by_value = HashMap::new();
        for (index, choice) in list.iter().enumerate() {
            by_value.insert(choice.value.clone(), index);
            for key in choice.texts().map(comparison_key) {
                by_key
                    .entry(key)
                    .and_modify(|found| match found {
                        Match::One(other) if *other == index => {}
                        _ => *found = Match::Several,
                    })
                    .or_insert(Match::One(index));
            }
        }
        let search_keys = list.iter().map(|choice| choice.texts().map(search_key).collect::<Vec<_>>().join("\n")).collect();
        Self { list, by_key, by_value, search_keys }
    }

    /// The choices in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Choice> {
        self.list.iter()
    }

    /// The choice that a text names by its value, its code or its label in any language; case and spacing do not count.
    #[must_use]
    pub fn find(&self, text: &str) -> Found<'_> {
        match self.by_key.get(&comparison_key(text)) {
            Some(Match::One(index)) => self.list.get(*index).map_or(Found::Nothing, Found::One),
            Some(Match::Several) => Found::Several,
            None => Found::Nothing,
        }
    }

    /// The choice that a number names: as text, else as a code that lost its leading zeros.
    pub(crate) fn find_number(&self, number: &str) -> Found<'_> {
        match self.find(number) {
            Found::Nothing => {
                let mut fitting = self.list.iter().filter(|choice| !choice.code.is_empty() && choice.code.trim_start_matches('0') == number);
                match (fitting.next(), fitting.next()) {
                    (Some(choice), None) => Found::One(choice),
                    (Some(_), Some(_)) => Found::Several,
                    (None, _) => Found::Nothing,
                }
            }
            found => found,
        }
    }

    /// What is written for a value: its label in the language, or its code where the label stands for several; nothing
    /// for a value that is not in the list.
    #[must_use]
    pub fn text(&self, value: &str, locale: Locale) -> Option<&str> {
        let choice = self.list.get(*self.by_value.get(value)?)?;
        let unambiguous = [choice.names.pick(locale), &choice.code].into_iter().find(|text| self.find(text) == Found::One(choice));
        Some(unambiguous.unwrap_or(&choice.value))
    }

    /// A few choices that a text which names none may have meant, or several that it may mean; else the first ones.
    pub(crate) fn suggestions(&self, text: &str, most: usize) -> Vec<&Choice> {
        let key = search_key(text);
        let near = self.list.iter().zip(&self.search_keys).filter(|(_, keys)| keys.contains(&key));
        let suggested: Vec<_> = near.map(|(choice, _)| choice).take(most).collect();
        if suggested.is_empty() { self.list.iter().take(most).collect() } else { suggested }
    }
}

impl Choice {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.names.known().chain([self.value.as_str(), self.code.as_str()]).chain(self.also.iter().map(String::as_str)).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> Choices {
        let choice = |value: &str, code: &str, names: [&str; 3]| Choice { value: value.to_owned(), code: code.to_owned(), names: names.into(), also: Vec::new() };
        Choices::new(vec![choice("kinh", "01", ["Kinh", "Kinh", "京族"]), choice("tay", "02", ["Tày", "Tay", "岱依族"]), choice("thai", "10", ["Thái", "Tay", "泰族"])])
    }

    #[test]
    fn a_choice_is_found_by_value_code_and_label() {
        let choices = choices();
        for text in ["kinh", "01", " KINH", "京族"] {
            assert!(matches!(choices.find(text), Found::One(choice) if choice.value == "kinh"), "{text}");
        }
        assert_eq!((choices.find("Mường"), choices.find("")), (Found::Nothing, Found::Nothing));
        assert!(matches!(choices.find_number("1"), Found::One(choice) if choice.value == "kinh"));
        assert!(matches!(choices.find_number("10"), Found::One(choice) if choice.value == "thai"));
    }

    #[test]
    fn a_label_that_stands_for_two_is_not_guessed_and_not_written() {
        let choices = choices();
        assert_eq!(choices.find("Tay").clone(), Found::Several);
        assert_eq!(Locale::ALL.map(|locale| choices.text("thai", locale)), [Some("Thái"), Some("10"), Some("泰族")]);
        assert_eq!(choices.text("none", Locale::Vi), None);
    }

    #[test]
    fn suggestions_look_alike_or_are_the_first() {
        let choices = choices();
        let values = |text| choices.suggestions(text, 2).into_iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>();
        assert_eq!((values("THAI"), values("xyz")), (vec!["thai"], vec!["kinh", "tay"]));
    }
}
