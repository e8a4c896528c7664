//! Classes as spreadsheets: the columns of an import.

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
    api::{ClassQuery, FIELDS},
    columns::COLUMNS,
    store,
};
use crate::school_years;

/// Exports classes.
pub struct ClassExporter;

#[async_trait]
impl Exporter for ClassExporter {
    fn resource(&self) -> &'static str {
        "classes"
    }

    fn action(&self) -> Action {
        Action::ClassesRead
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
        let list: List<ClassQuery> = List::parse(query, locale)?;
        list.page(&store::SORTS)?;
        list.fields_or_all(&FIELDS)
    }

    async fn page(&self, conn: &mut Connection, access: &Access, page: PageOf<'_>) -> Result<ExportPage, Problem> {
        let list: List<ClassQuery> = List::parse(page.query, Locale::En)?;
        let request = page.request(list.page(&store::SORTS)?);
        let found = store::list(conn, access, &list.filter.into(), &request).await?;
        let of = |id: fn(&super::model::ClassColumns) -> uuid::Uuid| found.items.iter().map(|class| id(&class.record.columns)).collect::<BTreeSet<_>>();
        let codes = units::codes(conn, access, of(|columns| columns.unit_id)).await?;
        let years = school_years::store::codes(conn, access, of(|columns| columns.school_year_id)).await?;
        let rows = found.items.iter().map(|class| {
            let columns = &class.record.columns;
            let mut row = flat(&columns.to_input()?)?;
            row.insert("unit_code".to_owned(), json!(codes.get(&columns.unit_id)));
            row.insert("school_year_code".to_owned(), json!(years.get(&columns.school_year_id)));
            row.insert("homeroom_teacher_code".to_owned(), json!(class.homeroom_teacher.as_ref().and_then(|teacher| teacher.code.as_deref())));
            Ok::<_, Problem>(row)
        });
        Ok(ExportPage { rows: rows.collect::<Result<_, _>>()?, next: found.next })
    }
}
