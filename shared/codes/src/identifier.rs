//! Numbers by which institutions know a person or a school.

use std::{collections::HashMap, sync::LazyLock};

use chrono::NaiveDate;
use regex::Regex;
use registrar_domain::{Code, ShortText};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{fields::IdentifierType, list};

/// A number somebody gave to a person (mã định danh, số giấy tờ; 证件号码; rules 2.2). Its parts mean nothing any more:
/// districts were abolished and provinces merged, so the value is opaque text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Which kind of number it is.
    pub kind: IdentifierType,
    /// The number, in the form that the attribute `pattern` of its kind says, if there is one.
    pub value: Code,
    /// Who gave it (nơi cấp, 签发机关).
    pub issuer: Option<ShortText>,
    /// The first day on which it is valid (ngày cấp).
    pub valid_from: Option<NaiveDate>,
    /// The last day on which it is valid; not before the first.
    pub valid_to: Option<NaiveDate>,
}

/// What is wrong with an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which of its fields is meant.
    pub field: &'static str,
    /// The stable code of the reason.
    pub code: &'static str,
    /// The reason, for a person.
    pub detail: &'static str,
}

/// The forms of the kinds that have one.
static PATTERNS: LazyLock<HashMap<&'static str, Regex>> = LazyLock::new(|| {
    let kinds = list("identifier-type").into_iter().flat_map(|kinds| kinds.newest().entries());
    kinds.filter_map(|kind| Some((kind.code, Regex::new(kind.attribute("pattern")?).ok()?))).collect()
});

impl Identifier {
    /// What is wrong with it, first of all.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        if PATTERNS.get(self.kind.code()).is_some_and(|pattern| !pattern.is_match(self.value.as_str())) {
            return Some(Fault { field: "value", code: "wrong_form", detail: "is not in the form of this kind of number" });
        }
        if self.valid_from.zip(self.valid_to).is_some_and(|(from, to)| to < from) {
            return Some(Fault { field: "valid_to", code: "not_after", detail: "is before valid_from" });
        }
        None
    }

    /// The first fault among identifiers, and the place of the one that has it.
    #[must_use]
    pub fn first_fault(identifiers: &[Identifier]) -> Option<(usize, Fault)> {
        identifiers.iter().enumerate().find_map(|(place, identifier)| Some((place, identifier.fault()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: &str, value: &str, period: [Option<&str>; 2]) -> Option<(&'static str, &'static str)> {
        let [valid_from, valid_to] = period.map(|day| day.map(|day| day.parse().unwrap()));
        let kind = IdentifierType::parse(&format!("identifier-type/1/{kind}")).unwrap();
        Identifier { kind, value: Code::parse(value).unwrap(), issuer: None, valid_from, valid_to }.fault().map(|fault| (fault.field, fault.code))
    }

    #[test]
    fn numbers_have_the_form_of_their_kind() {
        let patterns = list("identifier-type").unwrap().newest().entries().iter().filter(|kind| kind.attribute("pattern").is_some()).count();
        assert_eq!((PATTERNS.len(), patterns), (5, 5), "every pattern of the list can be read");
        assert_eq!(fault("vn-cmnd", "201234567", [None, None]), None);
        assert_eq!(fault("vn-cmnd", "2012345678", [None, None]), Some(("value", "wrong_form")));
        assert_eq!(fault("vn-moet-code", "740713723", [None, None]), Some(("value", "wrong_form")));
        assert_eq!(fault("passport", "C1234567", [Some("2020-01-01"), Some("2030-01-01")]), None);
        assert_eq!(fault("passport", "C1234567", [Some("2030-01-01"), Some("2020-01-01")]), Some(("valid_to", "not_after")));
    }
}
