//! Staff from a CSV file: a row is a whole record, found again by its code.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action, units};
use registrar_domain::{Code, EducationLevel, EmailAddress, Gender, PersonName, PersonalNumber, PhoneNumber};
use registrar_http::{
    contract,
    imports::{ImportRow, Importer, Outcome, RowResult},
};
use registrar_store::{Connection, StoreError, StoreResult};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    model::{Position, StaffInput, StaffStatus},
    store,
};

/// A row of a staff file. See `StaffInput` for the fields.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffRow {
    /// Staff code; the record is found again by it.
    code: Code,
    /// Full name.
    full_name: PersonName,
    /// Date of birth.
    birth_date: NaiveDate,
    /// Gender.
    gender: Gender,
    /// Personal number.
    personal_number: Option<PersonalNumber>,
    /// Mobile phone.
    phone: Option<PhoneNumber>,
    /// E-mail.
    email: Option<EmailAddress>,
    /// What they work as.
    position: Position,
    /// The education level they work for.
    education_level: Option<EducationLevel>,
    /// The code of their unit.
    unit_code: Code,
    /// First day of work in the unit.
    started_on: NaiveDate,
    /// Last day of work, for those who left.
    ended_on: Option<NaiveDate>,
    /// Why they left.
    #[schema(min_length = 1, max_length = 500)]
    end_reason: Option<String>,
}

impl StaffRow {
    fn into_input(self, unit_id: uuid::Uuid) -> StaffInput {
        StaffInput {
            code: self.code,
            full_name: self.full_name,
            birth_date: self.birth_date,
            gender: self.gender,
            personal_number: self.personal_number,
            phone: self.phone,
            email: self.email,
            position: self.position,
            education_level: self.education_level,
            unit_id: unit_id.into(),
            started_on: self.started_on,
            status: if self.ended_on.is_some() { StaffStatus::Ended } else { StaffStatus::Active },
            ended_on: self.ended_on,
            end_reason: self.end_reason,
        }
    }
}

/// Imports staff.
pub struct StaffImporter;

#[async_trait]
impl Importer for StaffImporter {
    fn resource(&self) -> &'static str {
        "staff"
    }

    fn action(&self) -> Action {
        Action::StaffWrite
    }

    fn schema(&self) -> Value {
        contract::schema_of::<StaffRow>()
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut results = Vec::with_capacity(rows.len());
        let inputs = self.inputs(conn, access, rows, &mut results).await?;
        let codes: Vec<String> = inputs.iter().map(|(_, input)| input.code.to_string()).collect();
        let known: HashMap<String, _> = store::by_codes(conn, access, &codes).await?.into_iter().map(|(record, may)| (record.columns.code.clone(), (record, may))).collect();
        let numbers: Vec<String> = inputs.iter().filter_map(|(_, input)| Some(input.personal_number.as_ref()?.as_str().to_owned())).collect();
        let mut owners: HashMap<String, String> = store::personal_numbers_in_use(conn, access, &numbers).await?.into_iter().collect();
        let mut seen = HashSet::new();
        let mut new = Vec::new();
        for (line, input) in inputs {
            let code = input.code.to_string();
            let number = input.personal_number.as_ref().map(|number| number.as_str().to_owned());
            let outcome = if !seen.insert(code.clone()) {
                RowResult::failed(line, "code", "repeated", "the code stands in the file twice")
            } else if number.is_some_and(|number| *owners.entry(number).or_insert_with(|| code.clone()) != code) {
                RowResult::failed(line, "personal_number", "already_used", "another record has this value")
            } else if let Err(error) = input.check(access.today) {
                refused(line, error)?
            } else {
                match known.get(&code) {
                    None => {
                        new.push(input);
                        RowResult { line, outcome: Outcome::Created }
                    }
                    Some((_, false)) => RowResult::failed(line, "code", "forbidden", "the record is outside your grants"),
                    Some((record, true)) => {
                        // A file does not know who is on leave.
                        let status = if record.columns.status == "on_leave" && input.status == StaffStatus::Active { StaffStatus::OnLeave } else { input.status };
                        let input = StaffInput { status, ..input };
                        let changed = input.columns() != record.columns;
                        match store::update(conn, access, record.clone(), &input).await {
                            Ok(_) => RowResult { line, outcome: if changed { Outcome::Changed } else { Outcome::Unchanged } },
                            Err(error) => refused(line, error)?,
                        }
                    }
                }
            };
            results.push(outcome);
        }
        store::insert_many(conn, access, &new).await?;
        Ok(results)
    }
}

/// A row that a rule refused; anything else ends the import.
fn refused(line: i32, error: StoreError) -> StoreResult<RowResult> {
    match error {
        StoreError::Invalid { pointer, code, detail } => {
            let column = if pointer == "/unit_id" { "unit_code" } else { pointer.trim_start_matches('/') };
            Ok(RowResult::failed(line, column, code, detail))
        }
        StoreError::Stale { .. } => Ok(RowResult::failed(line, "code", "stale", "somebody else changed the record meanwhile")),
        error => Err(error),
    }
}

impl StaffImporter {
    /// Rows as inputs, their units found by code and decided on; the others' results.
    async fn inputs(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>, results: &mut Vec<RowResult>) -> StoreResult<Vec<(i32, StaffInput)>> {
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            match row.typed::<StaffRow>() {
                Ok(staff) => typed.push((row.line, staff)),
                Err(failed) => results.push(failed),
            }
        }
        let codes = typed.iter().map(|(_, row)| row.unit_code.to_string());
        let units = units::by_codes(conn, access, Action::StaffWrite, codes).await?;
        let mut inputs = Vec::with_capacity(typed.len());
        for (line, row) in typed {
            match units.get(row.unit_code.as_str()) {
                Some(granted) if !granted.permits(row.education_level) => {
                    results.push(RowResult::failed(line, "education_level", "forbidden", "the education level is outside your grants"))
                }
                Some(granted) if granted.unit.status == "open" || row.ended_on.is_some() => inputs.push((line, row.into_input(granted.unit.id))),
                Some(_) => results.push(RowResult::failed(line, "unit_code", "unit_closed", "the unit is closed")),
                None => results.push(RowResult::failed(line, "unit_code", "unknown_unit", "no unit of this code that you may keep records of")),
            }
        }
        Ok(inputs)
    }
}
