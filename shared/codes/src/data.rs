//! The files of `data/`, which are part of the program: `index.csv` with a row per version, and a file per version
//! with a row per code. The columns are described in `data/README.md`.

use std::sync::OnceLock;

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord};
use registrar_domain::{Names, dates::parse_date};

use crate::list::{CodeList, Entry, Version};

pub(crate) const INDEX: &str = include_str!("../data/index.csv");

macro_rules! files {
    ($($scheme:literal: [$($version:literal),+])+) => {
        /// Scheme, version and file: lists by scheme, versions from old to new.
        pub(crate) const FILES: &[(&str, &str, &str)] = &[
            $($(($scheme, $version, include_str!(concat!("../data/", $scheme, "/", $version, ".csv")))),+),+
        ];
    };
}

files! {
    "cn-area": ["2007"]
    "cn-education": ["2006"]
    "cn-ethnic": ["1991"]
    "cn-gender": ["2003"]
    "cn-marital-status": ["2003"]
    "cn-political": ["1984"]
    "country": ["1"]
    "identifier-type": ["1"]
    "registrar-account-status": ["1"]
    "registrar-education-level": ["1"]
    "registrar-enrolment-end": ["1"]
    "registrar-gender": ["1"]
    "registrar-grant-status": ["1"]
    "registrar-hierarchy": ["1"]
    "registrar-identity-status": ["1"]
    "registrar-position": ["1"]
    "registrar-role": ["1"]
    "registrar-staff-status": ["1"]
    "registrar-student-status": ["1"]
    "registrar-training-standard": ["1"]
    "registrar-unit-kind": ["1"]
    "vn-age-band": ["1"]
    "vn-area": ["2025-06-30", "2025-07-01", "2026-04-30"]
    "vn-carry-over-status": ["1"]
    "vn-contract-form": ["1"]
    "vn-disability": ["1"]
    "vn-education-level": ["2019"]
    "vn-education-management-level": ["1"]
    "vn-enrolment-kind": ["1"]
    "vn-ethnic": ["1979", "2008"]
    "vn-foreign-language": ["1"]
    "vn-foreign-language-level": ["2014"]
    "vn-gender": ["1"]
    "vn-grade": ["1"]
    "vn-independent-group": ["1"]
    "vn-it-level": ["1"]
    "vn-leaving-reason": ["1"]
    "vn-level": ["1"]
    "vn-marital-status": ["1"]
    "vn-office-title": ["1"]
    "vn-ownership": ["1"]
    "vn-policy-category": ["1"]
    "vn-political-theory-level": ["1"]
    "vn-professional-standard": ["1"]
    "vn-push-data-type": ["1"]
    "vn-push-status": ["1"]
    "vn-qualification": ["1"]
    "vn-receipt-kind": ["1"]
    "vn-receipt-round": ["1"]
    "vn-receipt-status": ["1"]
    "vn-region": ["1"]
    "vn-religion": ["2008"]
    "vn-salary-table": ["2004"]
    "vn-school-form": ["1"]
    "vn-school-standard": ["1"]
    "vn-school-type": ["1"]
    "vn-staff-group": ["1"]
    "vn-staff-state": ["1"]
    "vn-staff-title": ["1"]
    "vn-staff-work": ["1"]
    "vn-state-administration-level": ["1"]
    "vn-student-state": ["1"]
    "vn-subject": ["2018"]
    "vn-submission-progress": ["1"]
    "vn-teacher-grade": ["2021"]
    "vn-term": ["1"]
    "vn-training-form": ["1"]
    "vn-training-level": ["1"]
}

/// The columns that every file may have; any other is an attribute.
const COLUMNS: [&str; 9] = ["code", "vi", "en", "zh", "also", "parent", "valid_from", "valid_to", "successors"];

/// A row of a file.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    columns: &'static StringRecord,
    fields: &'static StringRecord,
}

impl Row {
    /// The field of a column; empty where there is none.
    pub(crate) fn get(self, column: &str) -> &'static str {
        self.all().find(|(name, _)| *name == column).map_or("", |(_, field)| field)
    }

    fn all(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.iter().zip(self.fields)
    }

    fn names(self) -> Names<'static> {
        Names(["vi", "en", "zh"].map(|language| self.get(language)))
    }

    fn optional(self, column: &str) -> Option<&'static str> {
        Some(self.get(column)).filter(|field| !field.is_empty())
    }

    fn several(self, column: &str) -> Vec<&'static str> {
        self.optional(column).map(|fields| fields.split('|').collect()).unwrap_or_default()
    }

    fn date(self, column: &str) -> Option<NaiveDate> {
        parse_date(self.get(column))
    }
}

/// The rows of a file. They stay as long as the program, as lists do; so no name is copied. A row that cannot be read
/// is left out: tests see to it that there is none.
pub(crate) fn rows(file: &'static str) -> Vec<Row> {
    let mut reader = ReaderBuilder::new().comment(Some(b'#')).from_reader(file.as_bytes());
    let columns: &'static StringRecord = Box::leak(Box::new(reader.headers().cloned().unwrap_or_default()));
    let fields: Vec<StringRecord> = reader.into_records().filter_map(Result::ok).collect();
    Box::leak(fields.into_boxed_slice()).iter().map(|fields| Row { columns, fields }).collect()
}

/// Every list, its versions not yet read.
pub(crate) fn lists() -> Vec<CodeList> {
    let index = rows(INDEX);
    let mut lists: Vec<CodeList> = Vec::new();
    for (scheme, version, file) in FILES.iter().copied() {
        let Some(row) = index.iter().find(|row| row.get("scheme") == scheme && row.get("version") == version) else { continue };
        let newest =
            Version { scheme, version, source: row.get("source"), valid_from: row.date("valid_from"), valid_to: row.date("valid_to"), next: None, file, contents: OnceLock::new() };
        let mut older = Vec::new();
        if let Some(known) = lists.pop_if(|list| list.scheme == scheme) {
            older = known.older;
            older.push(Version { next: Some(version), ..known.newest });
        }
        lists.push(CodeList { scheme, names: row.names(), source: newest.source, official: row.get("official") == "true", older, newest });
    }
    lists
}

/// The entries of a version.
pub(crate) fn entries(version: &Version) -> Vec<Entry> {
    let entry = |row: Row| Entry {
        scheme: version.scheme,
        version: version.version,
        code: row.get("code"),
        names: row.names(),
        also: row.several("also"),
        parent: row.optional("parent"),
        valid_from: row.date("valid_from"),
        valid_to: row.date("valid_to"),
        next: version.next,
        successors: row.several("successors"),
        attributes: row.all().filter(|(name, field)| !COLUMNS.contains(name) && !field.is_empty()).collect(),
    };
    rows(version.file).into_iter().map(entry).collect()
}
