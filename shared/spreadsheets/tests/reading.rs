//! What is read from files that people made.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, dead_code)]

mod support;

use registrar_domain::Locale;
use registrar_spreadsheets::{File, FileError, Limits, open};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde_json::{Value, json};

use support::{columns, errors, read, read_within, workbook, write_row};

/// S4-144: people enter by hand or import a file of Excel.
#[test]
fn a_workbook_becomes_rows_of_json() {
    let bytes = workbook(|sheet| {
        sheet.merge_range(0, 0, 0, 5, "DANH SÁCH HỌC SINH", &Format::new()).unwrap();
        write_row(sheet, 2, &["Họ và tên *", "Ngày sinh *", "Gender", "民族", "Số định danh", "siblings", "Điểm", "Nội trú", "Ghi chú"]);
        write_row(sheet, 3, &[" Nguye\u{302}\u{303}n\u{a0}An", "3/5/2015", "Nữ", "05", "001215000001", "2", "8,5", "x", "=1+1"]);
        write_row(sheet, 5, &["Lê Bình"]);
        sheet.write_datetime_with_format(5, 1, ExcelDateTime::from_ymd(2014, 12, 31).unwrap(), &Format::new().set_num_format("dd/mm/yyyy")).unwrap();
        sheet.write_number(5, 2, 1).unwrap().write_number(5, 5, 3.0).unwrap().write_boolean(5, 7, false).unwrap();
        sheet.write_blank(9, 0, &Format::new().set_bold()).unwrap();
    });
    let rows = read(&bytes).unwrap();
    assert_eq!(rows.iter().map(|row| (&*row.sheet, row.number)).collect::<Vec<_>>(), [("Data", 4), ("Data", 6)]);
    assert!(rows.iter().all(|row| row.errors.is_empty()), "{rows:?}");
    assert_eq!(
        Value::Object(rows[0].cells.clone()),
        json!({"name": "Nguyễn An", "birth_date": "2015-05-03", "gender": "female", "ethnic_group": "group-5", "personal_number": "001215000001",
            "siblings": 2, "score": 8.5, "boarder": true, "personal.note": "=1+1"})
    );
    assert_eq!(Value::Object(rows[1].cells.clone()), json!({"name": "Lê Bình", "birth_date": "2014-12-31", "gender": "male", "siblings": 3, "boarder": false}));
}

#[test]
fn cells_that_cannot_be_read_are_named_one_by_one() {
    let bytes = workbook(|sheet| {
        write_row(sheet, 0, &["Họ và tên", "Ngày sinh", "Giới tính", "Dân tộc", "Số định danh", "Số anh chị em", "Điểm", "", "Nội trú"]);
        write_row(sheet, 1, &["", "31/02/2015", "?", "Group 3", "", "two", "1,234", "stray", "maybe"]);
        sheet.write_number(1, 4, 1_215_000_001).unwrap();
        sheet.write_formula(2, 0, Formula::new("=A2&\"x\"").set_result("An")).unwrap();
        sheet.write_datetime_with_format(2, 4, ExcelDateTime::from_ymd(2025, 1, 10).unwrap(), &Format::new().set_num_format("d-mmm")).unwrap();
        write_row(sheet, 2, &["", "3/5/15"]);
        sheet.write_formula(2, 2, Formula::new("=VLOOKUP(1,A1:A2,1)").set_result(" ")).unwrap();
    });
    let rows = read(&bytes).unwrap();
    let expected = [
        ("B", "impossible_date"),
        ("C", "not_a_choice"),
        ("D", "ambiguous_choice"),
        ("E", "lost_zeros"),
        ("F", "not_an_integer"),
        ("G", "not_a_decimal"),
        ("H", "no_header"),
        ("I", "not_a_boolean"),
        ("A", "required"),
    ];
    assert_eq!(errors(&rows[0]), expected.map(|(column, code)| (column.to_owned(), code)));
    assert_eq!(errors(&rows[1]), [("A", "formula"), ("B", "ambiguous_date"), ("E", "became_date")].map(|(column, code)| (column.to_owned(), code)));
    let error = &rows[0].errors[1];
    assert_eq!((&*error.sheet, error.row, &*error.field, &*error.header, &*error.value), ("Data", 2, "gender", "Giới tính", "?"));
    assert_eq!(error.detail(Locale::Vi), "Không có trong danh mục. Giá trị hợp lệ, chẳng hạn: 1 – Nam; 2 – Nữ.");
    for locale in Locale::ALL {
        assert!(rows.iter().flat_map(|row| &row.errors).all(|error| !error.detail(locale).is_empty()));
    }
}

#[test]
fn all_visible_sheets_with_a_header_are_read() {
    let mut workbook = Workbook::new();
    for (name, header) in [("1A", true), ("Thống kê", false), ("Hướng dẫn", true), ("1B", true), ("old", true)] {
        let sheet = workbook.add_worksheet().set_name(name).unwrap();
        write_row(sheet, 0, if header { &["Họ và tên", "Ngày sinh"] } else { &["Lớp", "Sĩ số"] });
        write_row(sheet, 1, &[name, "1/1/2015"]);
        sheet.set_hidden(name == "old");
    }
    let bytes = workbook.save_to_buffer().unwrap();
    let names: Vec<_> = read(&bytes).unwrap().into_iter().map(|row| row.cells["name"].clone()).collect();
    assert_eq!(names, ["1A", "1B"]);
    let columns = columns();
    assert_eq!(open(&bytes, &columns, &Limits::default()).unwrap().ignored_sheets(), ["Thống kê", "old"]);
}

#[test]
fn csv_is_read_with_each_separator() {
    for separator in [",", ";", "\t"] {
        for end in ["\n", "\r\n"] {
            let lines = [["Danh sách", "", ""], ["Full name", "Ngày sinh", "备注"], ["An", "2015-05-03", "'=x"], ["", "", ""], ["\"Lê\nBình\"", "3/5/2015", "\"a;b,c\"\"\""]];
            let text = format!("\u{feff}{}", lines.map(|line| line.join(separator)).join(end));
            let rows = read(text.as_bytes()).unwrap();
            assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [3, 5], "{separator:?} {end:?}");
            assert_eq!(Value::Object(rows[0].cells.clone()), json!({"name": "An", "birth_date": "2015-05-03", "personal.note": "=x"}));
            assert_eq!(Value::Object(rows[1].cells.clone()), json!({"name": "Lê Bình", "birth_date": "2015-05-03", "personal.note": "a;b,c\""}));
        }
    }
}

/// S4-161: only a file that conforms to the template is imported; S4-157: the refusal says what is wrong with it.
#[test]
fn files_that_do_not_conform_are_refused_as_a_whole() {
    assert_eq!(read("Lớp,Sĩ số\n1A,30\n".as_bytes()).unwrap_err().code(), "header_not_found");
    assert_eq!(read("Họ và tên,Ngày sinh\n,\n".as_bytes()).unwrap_err().code(), "no_rows");
    let limits = Limits { rows: 2, ..Limits::default() };
    let text = "name,birth_date\na,1/1/2015\nb,1/1/2015\n";
    assert_eq!(read_within(text.as_bytes(), &limits).unwrap().len(), 2);
    assert_eq!(read_within(format!("{text}\nc,1/1/2015").as_bytes(), &limits).unwrap_err(), FileError::TooManyRows(2));
    let error = read("Họ và tên;Tên bố;NAME\nAn;B;C\n".as_bytes()).unwrap_err();
    assert_eq!(
        error.detail(Locale::Vi),
        "Cột không có trong mẫu: Tên bố. Cột bị lặp lại: NAME. Thiếu cột bắt buộc: Ngày sinh. Các cột của mẫu: Họ và tên, Ngày sinh, Giới tính, Dân tộc, \
         Số định danh, Số anh chị em, Điểm, Nội trú, Ghi chú."
    );
}

#[test]
fn a_file_can_be_read_in_a_task_of_its_own() {
    fn is_send<T: Send>(_: &T) {}
    let (text, columns) = ("name,birth_date\na,1/1/2015\n".as_bytes(), columns());
    let mut file: File<'_> = open(text, &columns, &Limits::default()).unwrap();
    is_send(&file);
    is_send(&file.next_sheet().unwrap());
}
