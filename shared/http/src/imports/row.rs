//! A row of a file on its way to a record, and what became of it.

use std::{any::type_name, collections::BTreeSet, mem};

use registrar_domain::Locale;
use registrar_store::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{FieldError, Problem, contract, json, phrases};

/// A row of a file.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Its place among the rows of the file, from 1.
    pub line: i32,
    /// The cells by field: null where the file has the column and the cell is empty, nothing of columns it does not have.
    pub cells: Map<String, Value>,
    /// The language of its errors.
    pub locale: Locale,
}

impl ImportRow {
    /// Takes a cell that is no field of the record itself, such as the code of its unit.
    ///
    /// # Errors
    /// The row's result, when it is not of this type.
    pub fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, RowResult> {
        let value = self.cells.remove(field).filter(|value| !value.is_null());
        value.map(serde_json::from_value).transpose().map_err(|error| self.failed(field, "invalid", error.to_string()))
    }

    /// Takes a cell that must be there.
    ///
    /// # Errors
    /// The row's result, when it is empty or not of this type.
    pub fn require<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, RowResult> {
        self.take(field)?.ok_or_else(|| self.failed(field, "required", self.locale.pick(["bắt buộc phải có", "is required", "必填"])))
    }

    /// What the row makes of a record: a merge patch of the cells, which it takes, over `before`, checked as a request is.
    /// Columns that the file does not have stay as they were, empty cells empty them.
    ///
    /// # Errors
    /// The row's result, naming every bad column.
    pub fn onto<T: ToSchema + Serialize + DeserializeOwned + 'static>(&mut self, before: Option<&T>, fixed: &[(&str, Value)]) -> Result<T, RowResult> {
        let broken = |error: &dyn std::fmt::Display| {
            tracing::error!(record = type_name::<T>(), %error, "a record cannot be written as JSON");
            self.failed("", "invalid", "the record cannot be read")
        };
        let mut record = before.map_or_else(|| Ok(json!({})), serde_json::to_value).map_err(|error| broken(&error))?;
        json::drop_nulls(&mut record);
        let fixed = fixed.iter().map(|(field, value)| ((*field).to_owned(), value.clone()));
        json::merge(&mut record, nested(mem::take(&mut self.cells).into_iter().chain(fixed)));
        contract::read(record, self.locale).map_err(|problem| self.refused(&problem))
    }

    /// The row as a type of its own, for resources whose rows are not patches of a record; empty cells are absent.
    ///
    /// # Errors
    /// The row's result, naming every bad column.
    pub fn typed<T: ToSchema + DeserializeOwned + 'static>(&self) -> Result<T, RowResult> {
        let cells = self.cells.clone().into_iter().filter(|(_, value)| !value.is_null());
        contract::read(nested(cells), self.locale).map_err(|problem| self.refused(&problem))
    }

    fn refused(&self, problem: &Problem) -> RowResult {
        let errors = problem.field_errors().iter().map(|error| FieldError { pointer: field_of(&error.pointer), ..error.clone() }).collect();
        RowResult { line: self.line, outcome: Outcome::Failed(errors) }
    }

    /// This row failed.
    #[must_use]
    pub fn failed(&self, field: impl Into<String>, code: &str, detail: impl Into<String>) -> RowResult {
        RowResult::failed(self.line, field, code, detail)
    }
}

/// The distinct texts of a column, for what rows name by code to be read at once.
#[must_use]
pub fn texts(rows: &[ImportRow], field: &str) -> BTreeSet<String> {
    rows.iter().filter_map(|row| Some(row.cells.get(field)?.as_str()?.to_owned())).collect()
}

/// Cells with dotted names as the objects that they are members of.
fn nested(cells: impl Iterator<Item = (String, Value)>) -> Value {
    let mut record = Map::new();
    for (field, value) in cells {
        match field.split_once('.') {
            None => drop(record.insert(field, value)),
            Some((group, member)) => {
                let group = record.entry(group).or_insert_with(|| json!({}));
                if let Value::Object(members) = group {
                    members.insert(member.to_owned(), value);
                }
            }
        }
    }
    Value::Object(record)
}

/// The column that a pointer into a record means: `/personal/photo` is `personal.photo`.
#[must_use]
pub fn field_of(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new record.
    Created,
    /// An existing record of this unit changed or ended.
    Changed(Uuid),
    /// Everything was as the row says.
    Unchanged,
    /// Nothing was done; the pointer of each error is a column's field.
    Failed(Vec<FieldError>),
}

/// A row with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowResult {
    /// Its place among the rows of the file, from 1.
    pub line: i32,
    /// What became of it.
    pub outcome: Outcome,
}

impl RowResult {
    /// A row that was refused.
    #[must_use]
    pub fn failed(line: i32, field: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        RowResult { line, outcome: Outcome::Failed(vec![FieldError { pointer: field.into(), code: code.into(), detail: detail.into() }]) }
    }

    /// A row that a rule of the store refused.
    ///
    /// # Errors
    /// Every other error, which ends the chunk.
    pub fn refused(line: i32, error: StoreError) -> Result<Self, StoreError> {
        match error {
            StoreError::Invalid { pointer, code, detail } => Ok(RowResult::failed(line, field_of(&pointer), code, detail)),
            StoreError::Stale { .. } => Ok(RowResult::failed(line, "", "stale", "somebody else changed the record meanwhile")),
            error => Err(error),
        }
    }

    /// The result with its errors in this language, as far as their reasons are known in it.
    #[must_use]
    pub(super) fn translated(self, locale: Locale) -> Self {
        let outcome = match self.outcome {
            Outcome::Failed(errors) => Outcome::Failed(errors.into_iter().map(|error| phrases::translated(error, locale)).collect()),
            outcome => outcome,
        };
        RowResult { outcome, ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Pupil {
        name: String,
        #[schema(minimum = 1)]
        grade: Option<i32>,
        #[serde(default)]
        home: Home,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Home {
        street: Option<String>,
        town: Option<String>,
    }

    fn row(cells: Value) -> ImportRow {
        ImportRow { line: 2, cells: cells.as_object().unwrap().clone(), locale: Locale::En }
    }

    #[test]
    fn columns_that_are_missing_stay_and_empty_cells_empty() {
        let before = Pupil { name: "An".into(), grade: Some(3), home: Home { street: Some("Lê Lợi".into()), town: Some("Hội An".into()) } };
        let after = row(json!({"grade": null, "home.street": "Trần Phú"})).onto(Some(&before), &[("name", json!("Bình"))]).unwrap();
        assert_eq!(after, Pupil { name: "Bình".into(), grade: None, home: Home { street: Some("Trần Phú".into()), town: Some("Hội An".into()) } });
    }

    #[test]
    fn bad_cells_are_told_by_their_columns() {
        let Err(RowResult { outcome: Outcome::Failed(errors), .. }) = row(json!({"grade": 0, "home.street": 7})).onto::<Pupil>(None, &[]) else { panic!() };
        let mut told: Vec<(&str, &str)> = errors.iter().map(|error| (error.pointer.as_str(), error.code.as_str())).collect();
        told.sort_unstable();
        assert_eq!(told, [("grade", "too_small"), ("home.street", "wrong_type"), ("name", "required")]);
    }
}
