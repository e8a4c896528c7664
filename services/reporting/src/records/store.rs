//! Reads the items of a unit and of those below it.

use registrar_access::Access;
use registrar_domain::{Hierarchy, UnitId};
use registrar_store::{Connection, Cursor, StoreError, StoreResult};

use super::model::Items;
use crate::{
    counted::{self, Below, Counted, ReportSource, RowUnit},
    headcounts::model::Subject,
    sums::store::{State, Target, Wanted, figures},
};

/// Which records.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whose records.
    pub subject: Subject,
    /// Rolled up which hierarchy.
    pub hierarchy: Hierarchy,
    /// In which unit and below.
    pub unit: UnitId,
    /// For how many levels below the unit rows are made; none without rows by unit.
    pub depth: Option<i64>,
    /// Units at most.
    pub limit: usize,
    /// Where to go on.
    pub after: Option<Cursor>,
}

/// The items of a unit, and of those of a page.
#[derive(Clone, Debug)]
pub struct Report {
    /// The unit, and which education levels of it.
    pub counted: Counted,
    /// The items of the whole.
    pub whole: Items,
    /// Those by unit.
    pub units: Vec<(RowUnit, Items)>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
    /// How recent the figures are, by the service they come from.
    pub sources: Vec<ReportSource>,
}

/// The items of a unit and of those below it.
///
/// # Errors
/// [`StoreError::NotYetKnown`] for a unit that is not known here or not the caller's to know of,
/// [`StoreError::Forbidden`] outside the caller's grants, [`StoreError::BadCursor`] for another report's cursor.
pub async fn records(conn: &mut Connection, access: &Access, question: &Question) -> StoreResult<Report> {
    let one_state = async |conn: &mut Connection| report(conn, access, question).await;
    conn.build_transaction().repeatable_read().read_only().run(one_state).await
}

async fn report(conn: &mut Connection, access: &Access, question: &Question) -> StoreResult<Report> {
    let state = State::on(conn, access.today).await?;
    let counted = counted::counted(conn, access, question.subject.sensitive(), question.unit, question.hierarchy, access.today).await?;
    let mut units = match question.depth {
        Some(depth) => {
            let below = Below { unit: counted.unit.id, hierarchy: question.hierarchy, on: access.today, depth };
            let (code, id) = question.place(&counted)?;
            counted::row_units(conn, access, &below, (&code, &id), i64::try_from(question.limit + 1).unwrap_or(i64::MAX)).await?
        }
        None => Vec::new(),
    };
    let more = units.len() > question.limit;
    units.truncate(question.limit);
    let next = units.last().filter(|_| more).map(|last| question.cursor(&counted, last));
    let wanted = Wanted { tenant: access.tenant, subject: question.subject.records(), on: access.today, hierarchy: question.hierarchy, by: (1, 0), levels: counted.levels.clone() };
    let mut targets = vec![Target { unit: counted.unit.id, within: true }];
    targets.extend(units.iter().map(|unit| Target { unit: unit.id, within: !unit.own }));
    let mut items = vec![Items::default(); targets.len()];
    for figure in figures(conn, &state, &wanted, &targets).await? {
        if let Some(items) = usize::try_from(figure.target).ok().and_then(|place| items.get_mut(place)) {
            *items.0.entry(figure.a_value).or_default() += figure.count;
        }
    }
    let mut items = items.into_iter();
    let whole = items.next().unwrap_or_default();
    let units = units.into_iter().zip(items).filter(|(unit, items)| items.records() != 0 || (unit.open && !unit.own)).collect();
    let sources = counted::sources(conn, question.subject.aggregates()).await?;
    Ok(Report { counted, whole, units, next, sources })
}

impl Question {
    /// What a cursor belongs to.
    fn name(&self, counted: &Counted) -> String {
        format!("{} {} {} {}", self.subject.records(), self.hierarchy, counted.unit.id, self.depth.unwrap_or_default())
    }

    fn cursor(&self, counted: &Counted, last: &RowUnit) -> Cursor {
        Cursor { sort: self.name(counted), key: serde_json::json!([last.code, last.id]).to_string(), id: counted.unit.id }
    }

    /// After the code and id of the last unit seen.
    fn place(&self, counted: &Counted) -> StoreResult<(String, String)> {
        let Some(cursor) = &self.after else { return Ok((String::new(), String::new())) };
        if cursor.sort != self.name(counted) {
            return Err(StoreError::BadCursor);
        }
        let (code, id): (String, String) = serde_json::from_str(&cursor.key).map_err(|_| StoreError::BadCursor)?;
        // Behind the id, before the next one: units are asked for from a place on.
        Ok((code, format!("{id} ")))
    }
}
