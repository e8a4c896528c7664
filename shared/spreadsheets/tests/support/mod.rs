//! Columns and files that the tests have in common.

use std::sync::Arc;

use registrar_domain::Locale;
use registrar_spreadsheets::{Choice, Choices, Column, Columns, FileError, Format, Kind, Limits, Row, Trilingual, Writer, open};
use rust_xlsxwriter::{Workbook, Worksheet};
use serde_json::{Map, Value};

pub type Cells = Map<String, Value>;

fn column(field: &str, names: [&str; 3], kind: Kind, required: bool, example: &str) -> Column {
    Column { field: field.to_owned(), names: names.into(), kind, required, example: example.to_owned(), note: Trilingual::default() }
}

/// Columns of every kind; two ethnic groups have the same name in English.
pub fn columns() -> Columns {
    let choice = |value: &str, code: &str, names: [&str; 3]| Choice { value: value.to_owned(), code: code.to_owned(), names: names.into(), also: Vec::new() };
    let genders = Choices::new(vec![choice("male", "1", ["Nam", "Male", "男"]), choice("female", "2", ["Nữ", "Female", "女"])]);
    let groups = (1..=54).map(|n| choice(&format!("group-{n}"), &format!("{n:02}"), [&format!("Dân tộc {n}"), &format!("Group {}", n / 2), ""]));
    Columns::new(vec![
        column("name", ["Họ và tên", "Full name", "姓名"], Kind::Text, true, "Nguyễn Văn An"),
        column("birth_date", ["Ngày sinh", "Date of birth", "出生日期"], Kind::Date, true, "31/12/2015"),
        column("gender", ["Giới tính", "Gender", "性别"], Kind::Choice(Arc::new(genders)), false, "Nam"),
        column("ethnic_group", ["Dân tộc", "Ethnic group", "民族"], Kind::Choice(Arc::new(Choices::new(groups.collect()))), false, "01"),
        column("personal_number", ["Số định danh", "Personal number", "身份证号"], Kind::Digits, false, "001215000001"),
        column("siblings", ["Số anh chị em", "Siblings", "兄弟姐妹"], Kind::Integer, false, "1"),
        column("score", ["Điểm", "Score", "成绩"], Kind::Decimal, false, "8.5"),
        column("boarder", ["Nội trú", "Boarder", "寄宿"], Kind::Boolean, false, "Có"),
        column("personal.note", ["Ghi chú", "Note", "备注"], Kind::Text, false, ""),
    ])
    .unwrap()
}

/// The rows of all sheets.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, FileError> {
    read_within(bytes, &Limits::default())
}

pub fn read_within(bytes: &[u8], limits: &Limits) -> Result<Vec<Row>, FileError> {
    let columns = columns();
    let mut file = open(bytes, &columns, limits)?;
    let mut all = Vec::new();
    while let Some(rows) = file.next_sheet()? {
        for row in rows {
            all.push(row?);
        }
    }
    Ok(all)
}

/// An export of rows.
pub fn export(format: Format, locale: Locale, rows: &[Cells]) -> Vec<u8> {
    let columns = columns();
    let mut writer = Writer::new(format, Vec::new(), &columns, locale, "Học sinh").unwrap();
    for row in rows {
        writer.row(row).unwrap();
    }
    writer.finish().unwrap()
}

/// A workbook with one sheet called `Data`.
pub fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("Data").unwrap();
    fill(sheet);
    workbook.save_to_buffer().unwrap()
}

pub fn write_row(sheet: &mut Worksheet, row: u32, texts: &[&str]) {
    for (position, text) in (0..).zip(texts).filter(|(_, text)| !text.is_empty()) {
        sheet.write_string(row, position, *text).unwrap();
    }
}

/// The codes of a row's errors with the letters of their columns.
pub fn errors(row: &Row) -> Vec<(String, &'static str)> {
    row.errors.iter().map(|error| (error.column.clone(), error.code())).collect()
}
