//! Units from a CSV file: a row is a whole unit with the whole past of its superiors, found again by its code.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use registrar_access::{Access, Action};
use registrar_domain::{Code, EducationLevels, Hierarchy, Period, UnitKind};
use registrar_http::{
    contract,
    imports::{ImportRow, Importer, Outcome, RowResult},
};
use registrar_store::{Connection, StoreError, StoreResult};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
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
    /// The scheme of `area_code`.
    #[schema(min_length = 1, max_length = 50, pattern = r"^\S+$")]
    area_scheme: Option<String>,
    /// The administrative area.
    #[schema(min_length = 1, max_length = 20, pattern = r"^\S+$")]
    area_code: Option<String>,
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
            area_scheme: self.area_scheme,
            area_code: self.area_code,
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

    fn schema(&self) -> Value {
        contract::schema_of::<UnitRow>()
    }

    fn chunk(&self) -> usize {
        5000
    }

    async fn apply(&self, conn: &mut Connection, access: &Access, rows: Vec<ImportRow>) -> StoreResult<Vec<RowResult>> {
        let mut results = Vec::with_capacity(rows.len());
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            match row.typed::<UnitRow>().and_then(|unit| unit.named().map(|named| (row.line, unit, named)).map_err(|(column, detail)| row.failed(column, "invalid", detail))) {
                Ok(unit) => typed.push(unit),
                Err(failed) => results.push(failed),
            }
        }
        hierarchy::lock(conn, access.tenant).await?;
        let mut chunk = Chunk::load(conn, access, &typed).await?;
        for (line, unit, named) in typed {
            results.push(RowResult { line, outcome: chunk.place(conn, access, line, unit, &named).await? });
        }
        chunk.flush(conn, access).await?;
        Ok(results)
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
    async fn load(conn: &mut Connection, access: &Access, rows: &[(i32, UnitRow, Vec<Named>)]) -> StoreResult<Self> {
        let codes: HashSet<String> = rows.iter().flat_map(|(_, unit, named)| named.iter().map(|superior| superior.code.clone()).chain([unit.code.to_string()])).collect();
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

    async fn place(&mut self, conn: &mut Connection, access: &Access, line: i32, unit: UnitRow, named: &[Named]) -> StoreResult<Outcome> {
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
        let input = match unit.into_input(superiors) {
            Ok(input) => input,
            Err((column, detail)) => return failed(column, "invalid", &detail),
        };
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
            Ok(_) => Ok(Outcome::Changed),
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
