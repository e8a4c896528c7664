//! Units as spreadsheets: the columns of an import.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_domain::Hierarchy;
use registrar_http::{
    Problem,
    exports::{ExportPage, ListExporter, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::{Connection, PageRequest};
use serde_json::json;
use uuid::Uuid;

use super::{
    api::{FIELDS, UnitQuery},
    columns::COLUMNS,
    model::UnitInput,
    store,
};

/// Exports units.
pub struct UnitExporter;

#[async_trait]
impl ListExporter for UnitExporter {
    type Query = UnitQuery;

    const RESOURCE: &'static str = "units";
    const ACTION: Action = Action::UnitsRead;
    const SORTS: &'static [&'static str] = &store::SORTS;
    const FIELDS: &'static [&'static str] = &FIELDS;

    fn file_columns(&self) -> &'static Columns {
        &COLUMNS
    }

    async fn rows(&self, conn: &mut Connection, access: &Access, query: UnitQuery, page: &PageRequest, _: bool) -> Result<ExportPage, Problem> {
        let found = store::list(conn, access, &query.filter(access.today), page).await?;
        let inputs = found.items.iter().map(|unit| unit.columns.to_input()).collect::<Result<Vec<_>, _>>()?;
        let above: BTreeSet<Uuid> = inputs.iter().flat_map(|unit| unit.superiors.iter().map(|superior| superior.unit_id.into())).collect();
        let codes = units::codes(conn, access, above).await?;
        let rows = inputs.iter().map(|unit| {
            let mut row = flat(unit)?;
            row.insert("education_levels".to_owned(), json!(unit.education_levels.to_string()));
            for hierarchy in [Hierarchy::Administrative, Hierarchy::Professional] {
                row.insert(hierarchy.as_str().to_owned(), json!(superiors(unit, hierarchy, &codes)));
            }
            row.retain(|_, value| value != "");
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}

/// The superiors in a hierarchy as an import reads them.
fn superiors(unit: &UnitInput, hierarchy: Hierarchy, codes: &HashMap<Uuid, String>) -> String {
    let named = unit.superiors.iter().filter(|superior| superior.hierarchy == hierarchy);
    let texts = named.filter_map(|superior| Some(format!("{}@{}", codes.get(&superior.unit_id.into())?, superior.period().ok()?)));
    texts.collect::<Vec<_>>().join(" ")
}
