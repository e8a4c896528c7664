//! Units from spreadsheets: a row is a unit, with the whole past of its superiors in a hierarchy that the file has a column
//! for, found again by its code.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action};
use registrar_codes::fields::Area;
use registrar_domain::{Code, EducationLevels, EmailAddress, Hierarchy, Period, PhoneNumber, UnitKind};
use registrar_http::imports::{ImportRow, Importer, Outcome, RowResult};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, StoreError, StoreResult};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    columns::COLUMNS,
    hierarchy::{self, DEEPEST},
    model::{UnitInput, UnitRecord, UnitSuperior},
    store,
};

/// A row of a file of units. See `UnitInput` for the fields. A superior must be a unit that is there already or stands
/// in an earlier row.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitRow {
    /// Unit code; the unit is found again by it.
    code: Code,
    /// Official name.
    #[schema(min_length = 1, max_length = 300, pattern = r"\S")]
    name: String,
    /// Kind of unit.
    kind: UnitKind,
    /// Education levels, joined by semicolons: `TH;THCS`.
    #[schema(max_length = 50)]
    education_levels: Option<String>,
    /// Web site.
    #[schema(max_length = 500, pattern = r"^https?://\S+$")]
    website: Option<String>,
    /// Telephone.
    phone: Option<PhoneNumber>,
    /// E-mail.
    email: Option<EmailAddress>,
    /// Postal address.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    address: Option<String>,
    /// The administrative area.
    area: Option<Area>,
    /// First day.
    opened_on: NaiveDate,
    /// Last day.
    closed_on: Option<NaiveDate>,
    /// The superiors in the administrative hierarchy, code and period: `PGD-HA@2000-01-01/2025-06-30 UBND-20410@2025-07-01/..`.
    #[schema(max_length = 2000)]
    administrative: Option<String>,
    /// The superiors in the professional hierarchy, likewise.
    #[schema(max_length = 2000)]
    professional: Option<String>,
}

/// A superior as a file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    hierarchy: Hierarchy,
    code: String,
    period: Period,
}

impl UnitRow {
    fn named(&self) -> Result<Vec<Named>, (&'static str, String)> {
        let mut named = Vec::new();
        for (column, hierarchy, text) in [("administrative", Hierarchy::Administrative, &self.administrative), ("professional", Hierarchy::Professional, &self.professional)] {
            named.extend(parse(hierarchy, text.as_deref().unwrap_or_default()).map_err(|detail| (column, detail))?);
        }
        Ok(named)
    }

    fn into_input(self, superiors: Vec<UnitSuperior>) -> Result<UnitInput, (&'static str, String)> {
        let levels: EducationLevels = self.education_levels.unwrap_or_default().parse().map_err(|error: registrar_domain::UnknownCode| ("education_levels", error.to_string()))?;
        Ok(UnitInput {
            code: self.code,
            name: self.name,
            kind: self.kind,
            education_levels: levels,
            website: self.website,
            phone: self.phone,
            email: self.email,
            address: self.address,
            area: self.area,
            opened_on: self.opened_on,
            closed_on: self.closed_on,
            superiors,
        })
    }
}

/// Reads `CODE@PERIOD CODE@PERIOD`; a code may have spaces inside.
fn parse(hierarchy: Hierarchy, text: &str) -> Result<Vec<Named>, String> {
    let mut named = Vec::new();
    let mut code: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let Some((end, period)) = word.rsplit_once('@') else {
            code.push(word);
            continue;
        };
        code.push(end);
        let period = period.parse::<Period>().map_err(|error| format!("{word}: {error}"))?;
        let name = Code::parse(&code.join(" ")).map_err(|error| format!("{word}: the code {error}"))?;
        named.push(Named { hierarchy, code: name.to_string(), period });
        code.clear();
    }
    if code.is_empty() { Ok(named) } else { Err(format!("{}: a code is followed by @ and a period", code.join(" "))) }
}

/// Imports units.
pub struct UnitImporter;

#[async_trait]
impl Importer for UnitImporter {
    fn resource(&self) -> &'static str {
        "units"
    }

    fn action(&self) -> Action {
        Action::UnitsWrite
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn chunk(&self) -> usize {
        5000
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut results = Vec::with_capacity(rows.len());
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            let fields: HashSet<String> = row.cells.keys().cloned().collect();
            match row
                .typed::<UnitRow>()
                .and_then(|unit| unit.named().map(|named| (row.line, unit, named, fields)).map_err(|(column, detail)| row.failed(column, "invalid", detail)))
            {
                Ok(unit) => typed.push(unit),
                Err(failed) => results.push(failed),
            }
        }
        hierarchy::lock(conn, access.tenant).await?;
        let mut chunk = Chunk::load(conn, access, &typed).await?;
        for (line, unit, named, fields) in typed {
            results.push(RowResult { line, outcome: chunk.place(conn, access, line, unit, &named, &fields).await? });
        }
        chunk.flush(conn, access).await?;
        Ok(results)
    }

    async fn records_of(&self, conn: &mut Connection, access: &Access, tenants: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
        store::count_by_tenant(conn, access, tenants).await
    }
}

/// A unit that rows speak of.
struct Place {
    id: Uuid,
    /// Whether the caller writes units there.
    may: bool,
    depth: i16,
    /// None for one that this chunk makes.
    record: Option<UnitRecord>,
}

/// A chunk of rows while it is applied: new units wait to be inserted together.
struct Chunk {
    places: HashMap<String, Place>,
    seen: HashSet<String>,
    waiting: Vec<(Uuid, UnitInput)>,
}

impl Chunk {
    async fn load(conn: &mut Connection, access: &Access, rows: &[(i32, UnitRow, Vec<Named>, HashSet<String>)]) -> StoreResult<Self> {
        let codes: HashSet<String> = rows.iter().flat_map(|(_, unit, named, _)| named.iter().map(|superior| superior.code.clone()).chain([unit.code.to_string()])).collect();
        let known = store::by_codes(conn, access, &codes.into_iter().collect::<Vec<_>>()).await?;
        let depths = hierarchy::depths(conn, &known.iter().map(|(record, _)| record.id).collect::<Vec<_>>()).await?;
        let places = known.into_iter().map(|(record, may)| {
            let depth = depths.get(&record.id).copied().unwrap_or(0);
            (record.columns.code.clone(), Place { id: record.id, may, depth, record: Some(record) })
        });
        Ok(Chunk { places: places.collect(), seen: HashSet::new(), waiting: Vec::new() })
    }

    /// Inserts the units that wait, and asks where the caller may write now that they are there.
    async fn flush(&mut self, conn: &mut Connection, access: &Access) -> StoreResult<()> {
        let waiting = std::mem::take(&mut self.waiting);
        store::insert_many(conn, access, &waiting).await?;
        if waiting.is_empty() || access.reaches_whole_tenant(Action::UnitsWrite) {
            return Ok(());
        }
        let codes: Vec<String> = waiting.iter().map(|(_, input)| input.code.to_string()).collect();
        for (record, may) in store::by_codes(conn, access, &codes).await? {
            if let Some(place) = self.places.get_mut(&record.columns.code) {
                place.may = may;
            }
        }
        Ok(())
    }

    async fn place(&mut self, conn: &mut Connection, access: &Access, line: i32, unit: UnitRow, named: &[Named], fields: &HashSet<String>) -> StoreResult<Outcome> {
        let failed = |field: &str, code: &str, detail: &str| Ok(RowResult::failed(line, field, code, detail).outcome);
        let code = unit.code.to_string();
        if !self.seen.insert(code.clone()) {
            return failed("code", "repeated", "the code stands in the file twice");
        }
        // Authority in a unit of this file is known once it is inserted; a whole tenant's administrator has it anyway.
        let whole = access.reaches_whole_tenant(Action::UnitsWrite);
        let waits = |place: &Place| place.record.is_none() && !place.may;
        if !whole && named.iter().any(|superior| self.places.get(&superior.code).is_some_and(waits)) {
            self.flush(conn, access).await?;
        }
        let mut superiors = Vec::with_capacity(named.len());
        let mut above = Vec::with_capacity(named.len());
        for superior in named {
            let Some(place) = self.places.get(&superior.code) else {
                return failed(superior.hierarchy.as_str(), "unknown_unit", &format!("{} is neither a unit nor in an earlier row", superior.code));
            };
            above.push((superior.hierarchy, place.may, place.depth));
            superiors.push(UnitSuperior { hierarchy: superior.hierarchy, unit_id: place.id.into(), valid_from: superior.period.from(), valid_to: superior.period.to() });
        }
        let mut input = match unit.into_input(superiors) {
            Ok(input) => input,
            Err((column, detail)) => return failed(column, "invalid", &detail),
        };
        if let Some(record) = self.places.get(&code).and_then(|place| place.record.as_ref()) {
            keep(&mut input, record.columns.to_input()?, fields);
        }
        if let Err(error) = input.check() {
            return refused(line, &input, error);
        }
        match self.places.get(&code).map(|place| (place.may, place.record.clone())) {
            Some((false, _)) => failed("code", "forbidden", "the unit is outside your grants"),
            Some((true, Some(record))) => self.change(conn, access, line, record, &input).await,
            Some((true, None)) => failed("code", "repeated", "the code stands in the file twice"),
            None => Ok(self.add(access, line, code, input, &above)),
        }
    }

    async fn change(&mut self, conn: &mut Connection, access: &Access, line: i32, record: UnitRecord, input: &UnitInput) -> StoreResult<Outcome> {
        let columns = input.columns();
        if columns == record.columns {
            return Ok(Outcome::Unchanged);
        }
        if columns.superiors != record.columns.superiors {
            self.flush(conn, access).await?;
        }
        match store::update(conn, access, record, input).await {
            // Units have no unit of their own: the circuit breaker looks at all of them together.
            Ok(after) => Ok(Outcome::Changed(after.tenant_id)),
            Err(error) => refused(line, input, error),
        }
    }

    /// A new unit under units of which are known: the hierarchy, whether the caller writes there, the depth.
    fn add(&mut self, access: &Access, line: i32, code: String, input: UnitInput, above: &[(Hierarchy, bool, i16)]) -> Outcome {
        let failed = |field: &str, code: &str, detail: &str| RowResult::failed(line, field, code, detail).outcome;
        let whole = access.reaches_whole_tenant(Action::UnitsWrite);
        if let Some((hierarchy, ..)) = above.iter().find(|(_, may, _)| !may) {
            return failed(hierarchy.as_str(), "forbidden", "you may not place units under this one");
        }
        if above.is_empty() && !whole {
            return failed("code", "forbidden", "only an administrator of the whole tenant may enter a unit without a superior");
        }
        let depth = above.iter().map(|(_, _, depth)| depth + 1).max().unwrap_or(0);
        if depth > DEEPEST {
            return failed("code", "too_deep", "at most 15 units may stand above one another");
        }
        let id = Uuid::now_v7();
        self.places.insert(code, Place { id, may: whole, depth, record: None });
        self.waiting.push((id, input));
        Outcome::Created
    }
}

/// Leaves as it was what the file has no column for.
fn keep(input: &mut UnitInput, before: UnitInput, fields: &HashSet<String>) {
    let has = |field: &str| fields.contains(field);
    if !has("education_levels") {
        input.education_levels = before.education_levels;
    }
    if !has("website") {
        input.website = before.website;
    }
    if !has("phone") {
        input.phone = before.phone;
    }
    if !has("email") {
        input.email = before.email;
    }
    if !has("address") {
        input.address = before.address;
    }
    if !has("area") {
        input.area = before.area;
    }
    if !has("closed_on") {
        input.closed_on = before.closed_on;
    }
    input.superiors.extend(before.superiors.into_iter().filter(|superior| !has(superior.hierarchy.as_str())));
    input.superiors.sort();
}

/// A row that a rule refused; anything else ends the import.
fn refused(line: i32, input: &UnitInput, error: StoreError) -> StoreResult<Outcome> {
    match error {
        StoreError::Invalid { pointer, code, detail } => {
            let mut parts = pointer.trim_start_matches('/').split('/');
            let field = match (parts.next(), parts.next().and_then(|place| place.parse::<usize>().ok())) {
                (Some("superiors"), Some(place)) => input.superiors.get(place).map_or("", |superior| superior.hierarchy.as_str()),
                (Some("superiors"), None) => input.superiors.first().map_or("", |superior| superior.hierarchy.as_str()),
                (Some(field), _) => field,
                (None, _) => "",
            };
            Ok(RowResult::failed(line, field, code, detail).outcome)
        }
        StoreError::Stale { .. } => Ok(RowResult::failed(line, "code", "stale", "somebody else changed the unit meanwhile").outcome),
        StoreError::Forbidden(_) => Ok(RowResult::failed(line, "code", "forbidden", "a superior is outside your grants").outcome),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superiors_are_codes_with_periods() {
        let named = parse(Hierarchy::Administrative, "PGD HA@2000-01-01/2025-06-30  UBND@20410@2025-07-01/..").unwrap();
        assert_eq!(
            named.iter().map(|named| (named.code.as_str(), named.period.to_string())).collect::<Vec<_>>(),
            [("PGD HA", "2000-01-01/2025-06-30".to_owned()), ("UBND@20410", "2025-07-01/..".to_owned()),]
        );
        assert!(parse(Hierarchy::Administrative, "").unwrap().is_empty());
        for wrong in ["PGD-HA", "@2025-07-01/..", "PGD-HA@2025-07-01", "A@2025-07-01/.. B"] {
            assert!(parse(Hierarchy::Administrative, wrong).is_err(), "{wrong}");
        }
    }
}
