//! The workbook that people fill in.

use registrar_domain::Locale;
use registrar_domain::text::comparison_key;
use rust_xlsxwriter::{Note, Workbook, Worksheet, XlsxError};

use crate::cell::boolean_text;
use crate::column::{Column, Columns, Kind};
use crate::sheet::{LISTS_SHEET, Lists, MAX_NAMED_CHOICES, format_column, header_format, header_text, sheet_name};
use crate::write::WriteError;

/// The sheet that explains the template, in (vi, en, zh).
const INSTRUCTIONS_SHEET: [&str; 3] = ["Hướng dẫn", "Instructions", "填写说明"];

/// The width of the instructions' columns in characters.
const WIDTHS: [u32; 6] = [28, 10, 34, 50, 24, 50];

/// The headers of the instructions.
const HEADERS: [[&str; 3]; 6] = [
    ["Cột", "Column", "列"],
    ["Bắt buộc", "Required", "必填"],
    ["Cách ghi", "Form", "格式"],
    ["Giá trị cho phép", "Permitted values", "可选值"],
    ["Ví dụ", "Example", "示例"],
    ["Ghi chú", "Note", "说明"],
];

/// Whether a sheet is one of the template's that hold no data, by its name in any language.
pub(crate) fn is_help_sheet(name: &str) -> bool {
    is_called(name, INSTRUCTIONS_SHEET) || is_called(name, LISTS_SHEET)
}

/// Whether a sheet has one of the names.
pub(crate) fn is_called(name: &str, names: [&str; 3]) -> bool {
    let key = comparison_key(name);
    names.iter().any(|name| comparison_key(name) == key)
}

/// The workbook (.xlsx) to fill in: a data sheet named after the title with nothing but the header, a sheet of
/// instructions and, where lists are long, one with their entries.
///
/// The examples stand in the instructions and in the notes at the header, never on the data sheet: a template that
/// comes back as it was has no rows.
///
/// # Errors
/// [`WriteError::Workbook`].
pub fn template(columns: &Columns, locale: Locale, title: &str) -> Result<Vec<u8>, WriteError> {
    let mut workbook = Workbook::new();
    let mut lists = Lists::new(locale)?;
    data_sheet(workbook.add_worksheet(), columns, locale, title, &mut lists)?;
    instructions(workbook.add_worksheet(), columns, locale, title)?;
    lists.finish(&mut workbook);
    Ok(workbook.save_to_buffer()?)
}

fn data_sheet(sheet: &mut Worksheet, columns: &Columns, locale: Locale, title: &str, lists: &mut Lists) -> Result<(), XlsxError> {
    sheet.set_name(sheet_name(title))?.set_freeze_panes(1, 0)?;
    for (position, column) in (0..).zip(columns.iter()) {
        format_column(sheet, position, &column.kind)?;
        sheet.write_string_with_format(0, position, header_text(column, locale), &header_format())?;
        let example = if column.example.is_empty() { String::new() } else { format!("{}: {}", locale.pick(["Ví dụ", "Example", "示例"]), column.example) };
        let help = [column.note.pick(locale), &example].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        if !help.is_empty() {
            sheet.insert_note(0, position, &Note::new(help).add_author_prefix(false))?;
        }
        lists.add_dropdown(sheet, position, 1, column)?;
    }
    Ok(())
}

fn instructions(sheet: &mut Worksheet, columns: &Columns, locale: Locale, title: &str) -> Result<(), XlsxError> {
    sheet.set_name(locale.pick(INSTRUCTIONS_SHEET))?;
    sheet.write_string_with_format(0, 0, title, &header_format())?;
    let rules = locale.pick([
        "Điền vào trang đầu tiên, mỗi người hoặc mục một dòng. Không đổi dòng tiêu đề; cột có dấu * là bắt buộc. Trang này không được đọc khi tải lên.",
        "Fill in the first sheet, one row each. Leave the header row as it is; columns with * are required. This sheet is not read when you upload the file.",
        "请在第一个工作表中填写，每行一条。请勿修改表头；带 * 的列为必填。上传时不读取本页。",
    ]);
    sheet.write_string(1, 0, rules)?;
    for (position, (header, width)) in (0..).zip(HEADERS.iter().zip(WIDTHS)) {
        sheet.set_column_width(position, width)?;
        sheet.write_string_with_format(3, position, locale.pick(*header), &header_format())?;
    }
    for (row, column) in (4..).zip(columns.iter()) {
        let required = if column.required { boolean_text(true, locale) } else { "" };
        let texts = [column.names.pick(locale), required, form(&column.kind, locale), &permitted(column, locale), &column.example, column.note.pick(locale)];
        for (position, text) in (0..).zip(texts) {
            sheet.write_string(row, position, text)?;
        }
    }
    Ok(())
}

fn form(kind: &Kind, locale: Locale) -> &'static str {
    locale.pick(match kind {
        Kind::Text => ["Văn bản", "Text", "文本"],
        Kind::Date => ["Ngày dd/mm/yyyy", "Date dd/mm/yyyy", "日期 dd/mm/yyyy 或 yyyy-mm-dd"],
        Kind::Integer => ["Số nguyên", "Whole number", "整数"],
        Kind::Decimal => ["Số, như 8.5", "Number, such as 8.5", "数字，如 8.5"],
        Kind::Boolean => ["Có hoặc Không", "Yes or No", "是或否"],
        Kind::Digits => ["Chữ số, nhập dạng văn bản (giữ số 0 ở đầu)", "Digits, entered as text (keeps leading zeros)", "数字文本（保留开头的 0）"],
        Kind::Choice(_) => ["Chọn trong danh sách, hoặc nhập mã", "Choose from the list, or enter the code", "从列表中选择，或填写代码"],
    })
}

fn permitted(column: &Column, locale: Locale) -> String {
    let Kind::Choice(choices) = &column.kind else { return String::new() };
    if choices.iter().len() > MAX_NAMED_CHOICES {
        let sheet = locale.pick(LISTS_SHEET);
        return locale.pick([format!("Xem trang “{sheet}”"), format!("See the sheet “{sheet}”"), format!("见工作表“{sheet}”")]);
    }
    let entries = choices.iter().map(|choice| match (choice.names.pick(locale), choice.code.as_str()) {
        (name, "") => name.to_owned(),
        (name, code) => format!("{name} ({code})"),
    });
    entries.collect::<Vec<_>>().join("; ")
}
