//! A report as people look at it: a table, a chart.

use registrar_domain::Locale;
use serde_json::{Map, Value, json};

use super::{
    model::Dimension,
    store::{Question, Report, Row},
};
use crate::{
    counted::ReportScope,
    output::{Chart, Table, chart::Figure, labels},
};

/// The report's rows with headers and values in the reader's language.
pub fn table(question: &Question, report: &Report, locale: Locale) -> Table {
    let dimensions = question.values();
    let mut columns: Vec<(String, [&'static str; 3], bool)> = Vec::new();
    if question.by.contains(&Dimension::Unit) {
        columns.extend([("unit_code", labels::UNIT_CODE), ("unit_name", labels::UNIT_NAME), ("scope", labels::SCOPE)].map(|(field, names)| (field.to_owned(), names, false)));
    }
    columns.extend(dimensions.iter().map(|dimension| (dimension.to_string(), labels::dimension(*dimension), false)));
    columns.push(("count".to_owned(), labels::COUNT, true));
    let rows = report.rows.iter().map(|row| cells(row, &dimensions, locale)).collect();
    Table { name: format!("headcounts-{}-{}", question.subject, question.on), title: title(question, report, locale), columns, rows }
}

fn cells(row: &Row, dimensions: &[Dimension], locale: Locale) -> Map<String, Value> {
    let mut cells = Map::new();
    if let Some(unit) = &row.unit {
        let scope = if unit.scope() == ReportScope::Own { labels::OWN } else { labels::WITHIN };
        cells.extend([("unit_code".to_owned(), json!(unit.code)), ("unit_name".to_owned(), json!(unit.name)), ("scope".to_owned(), json!(locale.pick(scope)))]);
    }
    let values = dimensions.iter().zip(&row.cell.values);
    cells.extend(values.map(|(dimension, value)| (dimension.to_string(), json!(labels::value(*dimension, value.as_deref(), locale)))));
    cells.insert("count".to_owned(), if row.cell.suppressed { json!(labels::HIDDEN) } else { json!(row.cell.count) });
    cells
}

/// A bar for each unit or value of the dimension that was asked for first, divided by the one asked for last.
pub fn chart(question: &Question, report: &Report, locale: Locale) -> Chart {
    let dimensions = question.values();
    let asked: Vec<Dimension> = question.by.iter().copied().filter(|dimension| *dimension != Dimension::Unit).collect();
    let divides = question.by.len() > 1;
    let value = |row: &Row, wanted: Dimension| dimensions.iter().zip(&row.cell.values).find(|(dimension, _)| **dimension == wanted).and_then(|(_, value)| value.clone());
    let order = |row: &Row| asked.iter().map(|dimension| dimension.order(value(row, *dimension).as_deref())).collect::<Vec<String>>();
    let named = |row: &Row, dimension: Dimension| labels::value(dimension, value(row, dimension).as_deref(), locale);
    let bars = if divides { asked.split_last().map_or(&[][..], |(_, others)| others) } else { &asked[..] };
    let last = asked.last().copied().filter(|_| divides);

    let mut rows: Vec<&Row> = report.rows.iter().collect();
    rows.sort_by_key(|row| (row.unit.as_ref().map(|unit| (unit.code.clone(), unit.id)), order(row)));
    let mut series: Vec<(String, String)> = rows.iter().filter_map(|row| Some((last?.order(value(row, last?).as_deref()), named(row, last?)))).collect();
    series.sort();
    series.dedup();
    let figure = |row: &Row| {
        let unit = row.unit.as_ref().map(|unit| format!("{} ({})", unit.name, unit.code));
        let names: Vec<String> = unit.into_iter().chain(bars.iter().map(|dimension| named(row, *dimension))).collect();
        let count = Some(row.cell.count).filter(|_| !row.cell.suppressed).map(|count| f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
        Figure { bar: names.join(", "), series: last.map(|last| named(row, last)).unwrap_or_default(), value: count }
    };
    let series = if divides { series.into_iter().map(|(_, name)| name).collect() } else { vec![String::new()] };
    Chart::of(locale, title(question, report, locale), locale.pick(labels::COUNT).to_owned(), series, rows.into_iter().map(figure).collect())
}

fn title(question: &Question, report: &Report, locale: Locale) -> String {
    let parts = [
        locale.pick(labels::subject(question.subject)).to_owned(),
        report.counted.unit.name.clone(),
        labels::day(question.on, locale),
        labels::hierarchy(question.hierarchy, locale).to_owned(),
    ];
    parts.join(locale.pick([", ", ", ", "，"]))
}
