//! Templates and annotated files, as they come back.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, dead_code)]

mod support;

use std::io::{Cursor, Read};

use calamine::{Data, Reader, Xlsx};
use registrar_domain::Locale;
use registrar_spreadsheets::{FileError, Limits, Remark, annotate, template};
use rust_xlsxwriter::Workbook;
use serde_json::json;

use support::{columns, errors, read, workbook, write_row};

fn sheets(bytes: &[u8]) -> Vec<(String, Vec<Vec<String>>)> {
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    let text = |row: &[Data]| row.iter().map(ToString::to_string).collect();
    workbook.worksheets().into_iter().map(|(name, range)| (name, range.rows().map(text).collect())).collect()
}

fn part(bytes: &[u8], name: &str) -> String {
    let mut text = String::new();
    zip::ZipArchive::new(Cursor::new(bytes)).unwrap().by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// S4-144: the template that is offered for download is the one that is accepted.
#[test]
fn a_template_has_the_header_in_the_language_and_no_rows() {
    let columns = columns();
    for (locale, name) in [(Locale::Vi, "Họ và tên *"), (Locale::En, "Full name *"), (Locale::Zh, "姓名 *")] {
        let bytes = template(&columns, locale, "Học sinh").unwrap();
        let sheets = sheets(&bytes);
        assert_eq!(sheets[0].0, "Học sinh");
        assert_eq!((sheets[0].1.len(), sheets[0].1[0][0].as_str()), (1, name));
        assert_eq!((sheets[1].1.len(), sheets[1].1[4][4].as_str()), (4 + 9, "Nguyễn Văn An"));
        assert_eq!(sheets[2].1.len(), 1 + 54, "the long list has a sheet");
        assert_eq!(read(&bytes).unwrap_err(), FileError::NoRows, "the examples are no rows");
    }
    let data = part(&template(&columns, Locale::Vi, "Học sinh").unwrap(), "xl/worksheets/sheet1.xml");
    assert!(data.contains("\"Nam,Nữ\"") && data.contains("'Danh mục'!$A$2:$A$55"), "{data}");
}

#[test]
fn a_workbook_comes_back_with_its_errors_and_can_be_sent_again() {
    let columns = columns();
    let bytes = workbook(|sheet| {
        write_row(sheet, 1, &["Họ và tên", "Ngày sinh", "Số định danh", "Ghi chú"]);
        write_row(sheet, 2, &["An", "3/5/2015"]);
        write_row(sheet, 3, &["Bình", "31/2/2015", "", "", "", "stray"]);
        sheet.write_number(3, 2, 123).unwrap();
    });
    let mut remarks: Vec<_> = read(&bytes).unwrap().iter().flat_map(|row| &row.errors).map(|error| error.remark(Locale::En)).collect();
    remarks.push(Remark { sheet: "Data".to_owned(), row: 3, field: String::new(), text: "Already enrolled.".to_owned() });
    let annotated = annotate(&bytes, &columns, &Limits::default(), remarks, Locale::En).unwrap();
    let (name, rows) = sheets(&annotated).swap_remove(0);
    assert_eq!((name.as_str(), rows[0].last().unwrap().as_str()), ("Data", "Errors"));
    assert_eq!(rows[1][6], "Already enrolled.");
    assert!(rows[2][6].starts_with("Date of birth: There is no such day") && rows[2][6].contains("Personal number: "), "{:?}", rows[2]);
    assert_eq!((rows[2][2].as_str(), rows[2][5].as_str()), ("123", "stray"));
    assert!(part(&annotated, "xl/comments1.xml").contains("There is no such day"));
    assert!(part(&annotated, "xl/styles.xml").contains("FFFFC7CE"));

    let again = read(&annotated).unwrap();
    assert_eq!(again[0].cells, read(&bytes).unwrap()[0].cells);
    assert_eq!(errors(&again[1]), errors(&read(&bytes).unwrap()[1]));
    let twice = annotate(&annotated, &columns, &Limits::default(), Vec::new(), Locale::Vi).unwrap();
    let rows = sheets(&twice).swap_remove(0).1;
    assert_eq!((rows[0][6].as_str(), rows[1][6].as_str()), ("Lỗi", ""), "old errors are gone");
}

#[test]
fn all_sheets_come_back_and_hidden_ones_stay_hidden() {
    let mut workbook = Workbook::new();
    for (name, hidden) in [("old", true), ("1A", false), ("Lists", false), ("notes", false)] {
        let sheet = workbook.add_worksheet().set_name(name).unwrap().set_hidden(hidden).set_active(name == "1A");
        write_row(sheet, 0, if name == "notes" { &["a"] } else { &["Full name", "Date of birth", "Ethnic group"] });
        write_row(sheet, 1, &["An", "1/1/2015"]);
    }
    let bytes = workbook.save_to_buffer().unwrap();
    let annotated = annotate(&bytes, &columns(), &Limits::default(), Vec::new(), Locale::En).unwrap();
    assert_eq!(sheets(&annotated).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["old", "1A", "notes", "Lists"]);
    let list = part(&annotated, "xl/workbook.xml");
    assert!(list.contains("name=\"old\" sheetId=\"1\" state=\"hidden\"") && list.contains("activeTab=\"1\""), "{list}");
}

#[test]
fn a_csv_file_comes_back_with_its_errors_and_can_be_sent_again() {
    let columns = columns();
    let bytes = "name;birth_date;personal_number\nAn;31/2/2015;'+1\n\nBình;1/1/2015\n".as_bytes();
    let remarks = read(bytes).unwrap().iter().flat_map(|row| &row.errors).map(|error| error.remark(Locale::Zh)).collect::<Vec<_>>();
    let annotated = annotate(bytes, &columns, &Limits::default(), remarks, Locale::Zh).unwrap();
    let text = String::from_utf8(annotated.clone()).unwrap();
    assert_eq!(text, "\u{feff}name;birth_date;personal_number;错误\r\nAn;31/2/2015;'+1;出生日期: 该日期不存在；日在月之前，如 31/12/2010。\r\nBình;1/1/2015;;\r\n");
    let corrected = read(text.replace("31/2/2015", "28/2/2015").as_bytes()).unwrap();
    assert!(corrected.iter().all(|row| row.errors.is_empty()));
    assert_eq!(corrected[0].cells["personal_number"], json!("+1"));
}
