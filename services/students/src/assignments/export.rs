//! Teaching assignments as spreadsheets: the columns of an import.

use std::collections::BTreeSet;

use async_trait::async_trait;
use registrar_access::{Access, Action, units};
use registrar_domain::Locale;
use registrar_http::{
    List, Problem,
    exports::{ExportPage, Exporter, PageOf, flat},
};
use registrar_spreadsheets::Columns;
use registrar_store::Connection;
use serde_json::json;

use super::{
    api::{AssignmentQuery, FIELDS},
    columns::COLUMNS,
    store,
};
use crate::{classes, school_years};

/// Exports teaching assignments.
pub struct AssignmentExporter;

#[async_trait]
impl Exporter for AssignmentExporter {
    fn resource(&self) -> &'static str {
        "assignments"
    }

    fn action(&self) -> Action {
        Action::AssignmentsRead
    }

    fn sensitive_action(&self) -> Option<Action> {
        None
    }

    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    fn sensitive(&self) -> &'static [&'static str] {
        &[]
    }

    fn asked(&self, query: &str, locale: Locale) -> Result<Option<Vec<String>>, Problem> {
        let list: List<AssignmentQuery> = List::parse(query, locale)?;
        list.page(&store::SORTS)?;
        list.fields_or_all(&FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<AssignmentQuery> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(&store::SORTS)?);
        let found = store::list(conn, access, &list.filter.into(), &request).await?;
        let unit_codes = units::codes(conn, access, found.items.iter().map(|assignment| assignment.record.unit_id).collect()).await?;
        let years = classes::store::school_years_of(conn, access, found.items.iter().map(|assignment| assignment.record.columns.class_id).collect()).await?;
        let year_codes = school_years::store::codes(conn, access, years.values().copied().collect::<BTreeSet<_>>()).await?;
        let rows = found.items.iter().map(|assignment| {
            let mut row = flat(&assignment.record.columns.to_input()?)?;
            row.insert("unit_code".to_owned(), json!(unit_codes.get(&assignment.record.unit_id)));
            row.insert("school_year_code".to_owned(), json!(years.get(&assignment.record.columns.class_id).and_then(|year| year_codes.get(year))));
            row.insert("class_name".to_owned(), json!(assignment.class.name));
            row.insert("staff_code".to_owned(), json!(assignment.staff.code));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
