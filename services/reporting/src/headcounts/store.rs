//! Puts a report together.

use chrono::NaiveDate;
use registrar_access::Access;
use registrar_domain::{Hierarchy, UnitId};
use registrar_store::{Connection, Cursor, StoreError, StoreResult};

use super::{
    crosstab::{self, Cell},
    model::{Dimension, Subject},
    suppression::suppress,
};
use crate::{
    counted::{self, Below, Counted, ReportSource, RowUnit},
    sums::store::{State, Target, Wanted, figures},
};

/// Units looked at together at most. A page goes on with twice as many until it is full: most may have nothing to show.
const UNITS: usize = 1000;
/// The most units whose small figures can be hidden: it takes all of them at once to know which.
const UNITS_TO_HIDE_AMONG: usize = 5000;
/// After every text that a report can hold.
const LAST: &str = "\u{10ffff}";

/// What a report is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who is counted.
    pub subject: Subject,
    /// As of which day.
    pub on: NaiveDate,
    /// Rolled up which hierarchy.
    pub hierarchy: Hierarchy,
    /// In which unit and below.
    pub unit: UnitId,
    /// Divided by what: of dimensions that are neither unit nor education level two at most, one with the unit.
    pub by: Vec<Dimension>,
    /// How many levels below the unit rows are made for.
    pub depth: i64,
    /// Rows at most.
    pub limit: usize,
    /// Where to go on.
    pub after: Option<Cursor>,
}

/// A row of a report.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its unit; none when units were not asked for.
    pub unit: Option<RowUnit>,
    /// Its values and how many there are.
    pub cell: Cell,
}

/// A report, or a page of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The unit that was counted, and which levels of it.
    pub counted: Counted,
    /// The rows of this page.
    pub rows: Vec<Row>,
    /// Everybody counted, on whichever page.
    pub total: i64,
    /// Where the next page starts.
    pub next: Option<Cursor>,
    /// How recent the figures are, by the service they come from.
    pub sources: Vec<ReportSource>,
}

/// The headcounts of a unit as of a day.
///
/// # Errors
/// [`StoreError::NotYetKnown`] for a unit that is not known here or not the caller's to know of,
/// [`StoreError::Forbidden`] outside the caller's grants, [`StoreError::BadCursor`] for another report's cursor,
/// [`StoreError::Invalid`] for more units than small figures can be hidden among.
pub async fn headcounts(conn: &mut Connection, access: &Access, question: &Question) -> StoreResult<Report> {
    // Sums and what is pending, rows and total belong to one state of the database.
    let one_state = async |conn: &mut Connection| report(conn, access, question).await;
    conn.build_transaction().repeatable_read().read_only().run(one_state).await
}

async fn report(conn: &mut Connection, access: &Access, question: &Question) -> StoreResult<Report> {
    let state = State::on(conn, question.on).await?;
    let counted = counted::counted(conn, access, question.subject.sensitive(), question.unit, question.hierarchy, question.on).await?;
    let reader = Reader { access, question, counted: &counted, state: &state };
    let mut after = question.place(&counted)?;
    let mut rows = Vec::new();
    // One more than a page tells whether there is another; the unit itself mostly has nobody of its own, and then no row.
    let mut most = question.limit + 2;
    let total = loop {
        let (units, more) = reader.units(conn, &after, most).await?;
        let (cells, total) = reader.cells(conn, &units).await?;
        rows.extend(reader.rows(cells, &units).into_iter().filter(|row| question.place_of(row) > after));
        match units.last() {
            Some(last) if more && rows.len() <= question.limit => {
                after = vec![last.code.clone(), last.id.to_string(), LAST.to_owned()];
                most = UNITS.min(2 * most);
            }
            _ => break total,
        }
    };
    let more = rows.len() > question.limit;
    rows.truncate(question.limit);
    let next = rows.last().filter(|_| more).map(|last| question.cursor(&counted, last));
    let sources = counted::sources(conn, question.subject.aggregates()).await?;
    Ok(Report { counted, rows, total, next, sources })
}

/// Reads parts of a report.
struct Reader<'a> {
    access: &'a Access,
    question: &'a Question,
    counted: &'a Counted,
    state: &'a State,
}

impl Reader<'_> {
    /// So many of the units that have rows from a place on, and whether there are more; none when rows are not by unit.
    async fn units(&self, conn: &mut Connection, after: &[String], most: usize) -> StoreResult<(Vec<RowUnit>, bool)> {
        let question = self.question;
        if !question.by.contains(&Dimension::Unit) {
            return Ok((Vec::new(), false));
        }
        let text = |number: usize| after.get(number).map(String::as_str).unwrap_or_default();
        let (from, most) = if self.hides_few() { (("", ""), UNITS_TO_HIDE_AMONG) } else { ((text(0), text(1)), most) };
        let below = Below { unit: self.counted.unit.id, hierarchy: question.hierarchy, on: question.on, depth: question.depth };
        let mut units = counted::row_units(conn, self.access, &below, from, i64::try_from(most + 1).unwrap_or(i64::MAX)).await?;
        let more = units.len() > most;
        if more && self.hides_few() {
            let detail = format!("more than {UNITS_TO_HIDE_AMONG} units: name one further down");
            return Err(StoreError::Invalid { pointer: "/unit_id".into(), code: "too_many", detail });
        }
        units.truncate(most);
        Ok((units, more))
    }

    /// Whether small figures are not for this caller to see.
    fn hides_few(&self) -> bool {
        !self.counted.sees_persons && self.question.by.iter().any(|dimension| dimension.is_sensitive())
    }

    /// The cells of these units, or of the whole when there are none, by the places of the units; and the total.
    async fn cells(&self, conn: &mut Connection, units: &[RowUnit]) -> StoreResult<(Vec<Cell>, i64)> {
        let question = self.question;
        let by = question.division();
        let number = |dimension: Option<Dimension>| dimension.and_then(|dimension| question.subject.number(dimension)).unwrap_or_default();
        let wanted = Wanted {
            tenant: self.access.tenant,
            subject: question.subject.as_str(),
            on: question.on,
            hierarchy: question.hierarchy,
            // By nothing is by the first dimension, added up.
            by: (number(by.0).max(1), number(by.1)),
            levels: self.counted.levels.clone(),
        };
        let mut targets: Vec<Target> = units.iter().map(|unit| Target { unit: unit.id, within: !unit.own }).collect();
        let whole = i32::try_from(targets.len()).unwrap_or(i32::MAX);
        targets.push(Target { unit: self.counted.unit.id, within: true });
        let mut figures = figures(conn, self.state, &wanted, &targets).await?;
        let total = figures.iter().filter(|figure| figure.target == whole).map(|figure| figure.count).sum();
        if !units.is_empty() || question.by.contains(&Dimension::Unit) {
            figures.retain(|figure| figure.target != whole);
        }
        let mut cells = crosstab::cells(figures, question.subject, question.on, by, &question.values());
        if self.hides_few() {
            suppress(&mut cells);
        }
        Ok((cells, total))
    }

    fn rows(&self, cells: Vec<Cell>, units: &[RowUnit]) -> Vec<Row> {
        let unit = |cell: &Cell| usize::try_from(cell.target).ok().and_then(|place| units.get(place)).cloned();
        if self.question.by != [Dimension::Unit] {
            return cells.into_iter().map(|cell| Row { unit: unit(&cell), cell }).collect();
        }
        // By units alone, those below with nobody in them are named too: they are what an overseer looks for (S1-099).
        let mut counts = vec![0; units.len()];
        for cell in cells {
            if let Some(count) = usize::try_from(cell.target).ok().and_then(|place| counts.get_mut(place)) {
                *count = cell.count;
            }
        }
        let counted = (0..).zip(units).zip(counts).filter(|((_, unit), count)| *count != 0 || (unit.open && !unit.own));
        counted.map(|((target, unit), count)| Row { unit: Some(unit.clone()), cell: Cell { target, values: Vec::new(), count, suppressed: false } }).collect()
    }
}

impl Question {
    /// The dimensions that rows have values of, besides the unit.
    #[must_use]
    pub fn values(&self) -> Vec<Dimension> {
        let mut values: Vec<Dimension> = self.by.iter().copied().filter(|dimension| *dimension != Dimension::Unit).collect();
        values.sort();
        values
    }

    /// The dimensions that figures are divided by, the later one first.
    fn division(&self) -> (Option<Dimension>, Option<Dimension>) {
        let mut divided: Vec<Dimension> = self.subject.dimensions().iter().rev().copied().filter(|dimension| self.by.contains(dimension)).collect();
        let second = if divided.len() > 1 { divided.pop() } else { None };
        (divided.first().copied(), second)
    }

    /// What a cursor belongs to: the same question with the same day, unit and dimensions.
    fn name(&self, counted: &Counted) -> String {
        let by: Vec<&str> = self.by.iter().map(|dimension| dimension.as_str()).collect();
        format!("{} {} {} {} {} {}", self.subject, self.on, self.hierarchy, counted.unit.id, by.join(","), self.depth)
    }

    fn cursor(&self, counted: &Counted, last: &Row) -> Cursor {
        Cursor { sort: self.name(counted), key: serde_json::json!(self.place_of(last)).to_string(), id: counted.unit.id }
    }

    /// The sort keys of a row: the unit's code and id, the values.
    fn place_of(&self, row: &Row) -> Vec<String> {
        let unit = row.unit.as_ref();
        let keys = [unit.map(|unit| unit.code.clone()), unit.map(|unit| unit.id.to_string())].into_iter().map(Option::unwrap_or_default);
        keys.chain(crosstab::order(&self.values(), &row.cell.values)).collect()
    }

    /// The sort keys of the last row seen; before the first row when there is no cursor.
    fn place(&self, counted: &Counted) -> StoreResult<Vec<String>> {
        let Some(cursor) = &self.after else { return Ok(Vec::new()) };
        if cursor.sort != self.name(counted) {
            return Err(StoreError::BadCursor);
        }
        serde_json::from_str(&cursor.key).map_err(|_| StoreError::BadCursor)
    }
}
