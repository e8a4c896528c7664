//! Reports on records as people look at them: tables, charts.

use registrar_domain::Locale;
use serde_json::{Map, Value, json};

use super::{
    api::{CompletenessRow, IdentityRow},
    store::{Question, Report},
};
use crate::{
    counted::{ReportScope, ReportUnit},
    output::{Chart, Table, chart::Figure, labels},
};

const FIELD: [&str; 3] = ["Trường thông tin", "Field", "信息项"];
const RECORDS: [&str; 3] = ["Số hồ sơ", "Records", "记录数"];
const COMPLETE: [&str; 3] = ["Hồ sơ đầy đủ", "Complete records", "完整记录数"];
const FILLED: [&str; 3] = ["Đã cập nhật", "Filled in", "已填"];
const MISSING: [&str; 3] = ["Chưa cập nhật", "Missing", "未填"];
const SHARE: [&str; 3] = ["Tỉ lệ đã cập nhật", "Share filled in", "填写率"];
const VERIFIED: [&str; 3] = ["Đã xác thực", "Verified", "已核验"];
const UNVERIFIED: [&str; 3] = ["Chưa xác thực", "Unverified", "未核验"];
const MISMATCH: [&str; 3] = ["Không khớp", "Mismatch", "不一致"];
const SHARE_UNVERIFIED: [&str; 3] = ["Tỉ lệ chưa được xác thực", "Share not verified", "未核验率"];

type Columns = Vec<(String, [&'static str; 3], bool)>;

fn unit_columns() -> Columns {
    let columns = [("unit_code", labels::UNIT_CODE), ("unit_name", labels::UNIT_NAME), ("scope", labels::SCOPE)];
    columns.map(|(field, names)| (field.to_owned(), names, false)).into()
}

fn unit_cells(cells: &mut Map<String, Value>, unit: &ReportUnit, scope: ReportScope, locale: Locale) {
    let scope = locale.pick(if scope == ReportScope::Own { labels::OWN } else { labels::WITHIN });
    cells.extend([("unit_code", unit.code.as_str()), ("unit_name", unit.name.as_str()), ("scope", scope)].map(|(field, text)| (field.to_owned(), json!(text))));
}

fn numbers(columns: &mut Columns, named: &[(&str, [&'static str; 3])]) {
    columns.extend(named.iter().map(|(field, names)| ((*field).to_owned(), *names, true)));
}

/// A share as a number that a spreadsheet can format.
fn decimal(share: Option<&String>) -> Value {
    share.and_then(|share| share.parse::<f64>().ok()).map_or(Value::Null, Value::from)
}

fn field_name(question: &Question, field: &str, locale: Locale) -> String {
    question.subject.field_names(field).map_or_else(|| field.to_owned(), |names| locale.pick(names).to_owned())
}

/// How complete records are, row by row.
pub fn completeness_table(question: &Question, report: &Report, rows: &[CompletenessRow], (by_unit, by_field): (bool, bool), locale: Locale) -> Table {
    let mut columns = if by_unit { unit_columns() } else { Columns::new() };
    if by_field {
        columns.push(("field".to_owned(), FIELD, false));
    }
    numbers(&mut columns, &[("records", RECORDS)]);
    if !by_field {
        numbers(&mut columns, &[("complete", COMPLETE)]);
    }
    numbers(&mut columns, &[("filled", FILLED), ("missing", MISSING), ("share", SHARE)]);
    let cells = |row: &CompletenessRow| {
        let mut cells = Map::new();
        if let (Some(unit), Some(scope)) = (&row.unit, row.scope) {
            unit_cells(&mut cells, unit, scope, locale);
        }
        if let Some(field) = &row.field {
            cells.insert("field".to_owned(), json!(field_name(question, field, locale)));
        }
        let filled = &row.filled;
        cells.extend([("records", json!(filled.records)), ("complete", json!(filled.complete)), ("filled", json!(filled.filled)), ("missing", json!(filled.missing))].map(named));
        cells.insert("share".to_owned(), decimal(filled.share.as_ref()));
        cells
    };
    Table { name: format!("completeness-{}", question.subject), title: title(question, report, SHARE, locale), columns, rows: rows.iter().map(cells).collect() }
}

/// How complete records are, as shares.
pub fn completeness_chart(question: &Question, report: &Report, rows: &[CompletenessRow], locale: Locale) -> Chart {
    let bar = |row: &CompletenessRow| {
        let unit = row.unit.as_ref().map(|unit| format!("{} ({})", unit.name, unit.code));
        let field = row.field.as_ref().map(|field| field_name(question, field, locale));
        unit.into_iter().chain(field).collect::<Vec<_>>().join(", ")
    };
    let figure = |row: &CompletenessRow| Figure { bar: bar(row), series: String::new(), value: decimal(row.filled.share.as_ref()).as_f64() };
    Chart::of(locale, title(question, report, SHARE, locale), locale.pick(SHARE).to_owned(), vec![String::new()], rows.iter().map(figure).collect())
}

/// Whose identity has been checked, unit by unit.
pub fn identities_table(question: &Question, report: &Report, rows: &[IdentityRow], locale: Locale) -> Table {
    let mut columns = unit_columns();
    numbers(&mut columns, &[("records", RECORDS), ("verified", VERIFIED), ("unverified", UNVERIFIED), ("mismatch", MISMATCH), ("share_unverified", SHARE_UNVERIFIED)]);
    let cells = |row: &IdentityRow| {
        let mut cells = Map::new();
        unit_cells(&mut cells, &row.unit, row.scope, locale);
        let of = &row.identities;
        cells.extend([("records", json!(of.records)), ("verified", json!(of.verified)), ("unverified", json!(of.unverified)), ("mismatch", json!(of.mismatch))].map(named));
        cells.insert("share_unverified".to_owned(), decimal(of.share_unverified.as_ref()));
        cells
    };
    Table { name: format!("identities-{}", question.subject), title: title(question, report, SHARE_UNVERIFIED, locale), columns, rows: rows.iter().map(cells).collect() }
}

/// Whose identity has been checked, as numbers of records.
pub fn identities_chart(question: &Question, report: &Report, rows: &[IdentityRow], locale: Locale) -> Chart {
    let series = [VERIFIED, UNVERIFIED, MISMATCH].map(|names| locale.pick(names).to_owned());
    let figures = rows.iter().flat_map(|row| {
        let parts = [(VERIFIED, row.identities.verified), (UNVERIFIED, row.identities.unverified), (MISMATCH, row.identities.mismatch)];
        parts.map(|(names, count)| Figure {
            bar: format!("{} ({})", row.unit.name, row.unit.code),
            series: locale.pick(names).to_owned(),
            value: Some(f64::from(i32::try_from(count).unwrap_or(i32::MAX))),
        })
    });
    Chart::of(locale, title(question, report, SHARE_UNVERIFIED, locale), locale.pick(RECORDS).to_owned(), series.into(), figures.collect())
}

fn named((field, value): (&str, Value)) -> (String, Value) {
    (field.to_owned(), value)
}

fn title(question: &Question, report: &Report, what: [&'static str; 3], locale: Locale) -> String {
    let parts = [locale.pick(what), locale.pick(labels::subject(question.subject)), &report.counted.unit.name, labels::hierarchy(question.hierarchy, locale)];
    parts.join(locale.pick([", ", ", ", "，"]))
}
