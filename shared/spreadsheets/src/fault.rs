//! Why a cell cannot be read, in a code for programs and in words for people.

use std::sync::Arc;

use registrar_domain::Locale;

use crate::choice::Choices;

/// The most permitted values that are named to somebody whose value is not permitted.
const MAX_SUGGESTIONS: usize = 5;

/// The most characters of a text in a cell, as in Excel.
pub const MAX_TEXT_CHARACTERS: usize = 32_767;

/// The most characters of a cell that are repeated in its error.
pub(crate) const MAX_SHOWN_CHARACTERS: usize = 100;

/// Why a cell cannot be read.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A required cell is empty.
    Required,
    /// The cell holds a formula; what it shows may be different tomorrow.
    Formula,
    /// The cell holds an error such as `#N/A`.
    ExcelError,
    /// The text is longer than [`MAX_TEXT_CHARACTERS`].
    TooLong,
    /// A number where digits are text: its leading zeros may be lost.
    LostZeros,
    /// A date where none belongs: Excel makes one of a text such as 10/1.
    BecameDate,
    /// Not a date.
    NotADate,
    /// A date with a year of two digits, which can be read in several ways.
    AmbiguousDate,
    /// A day that no calendar has, or long ago.
    ImpossibleDate,
    /// Not a whole number, or one of more digits than Excel keeps.
    NotAnInteger,
    /// Not a number, or one whose separator may be read in two ways.
    NotADecimal,
    /// Neither yes nor no.
    NotABoolean,
    /// None of the permitted values.
    NotAChoice(Arc<Choices>),
    /// The label of several permitted values.
    AmbiguousChoice(Arc<Choices>),
    /// A value in a column that has no header.
    NoHeader,
}

impl Fault {
    /// The stable code of the error, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Formula => "formula",
            Self::ExcelError => "excel_error",
            Self::TooLong => "too_long",
            Self::LostZeros => "lost_zeros",
            Self::BecameDate => "became_date",
            Self::NotADate => "not_a_date",
            Self::AmbiguousDate => "ambiguous_date",
            Self::ImpossibleDate => "impossible_date",
            Self::NotAnInteger => "not_an_integer",
            Self::NotADecimal => "not_a_decimal",
            Self::NotABoolean => "not_a_boolean",
            Self::NotAChoice(_) => "not_a_choice",
            Self::AmbiguousChoice(_) => "ambiguous_choice",
            Self::NoHeader => "no_header",
        }
    }

    /// The reason in words, for the value that is in the cell.
    fn detail(&self, value: &str, locale: Locale) -> String {
        let texts = match self {
            Self::Required => ["Bắt buộc phải điền.", "Must be filled in.", "必填。"],
            Self::Formula => [
                "Ô chứa công thức; hãy sao chép rồi dán lại dưới dạng giá trị.",
                "The cell holds a formula; copy it and paste it as values.",
                "单元格含有公式，请复制后粘贴为数值。",
            ],
            Self::ExcelError => {
                ["Ô chứa lỗi của Excel; hãy nhập lại giá trị.", "The cell holds an error of Excel; enter the value again.", "单元格含有 Excel 错误值，请重新填写。"]
            }
            Self::TooLong => ["Văn bản quá dài (tối đa 32.767 ký tự).", "The text is too long (at most 32,767 characters).", "文本过长（最多 32767 个字符）。"],
            Self::LostZeros => [
                "Ô là kiểu số và có thể đã mất số 0 ở đầu; hãy định dạng cột là Văn bản (Text) rồi nhập lại.",
                "The cell is a number and may have lost its leading zeros; format the column as text and enter it again.",
                "单元格为数字格式，开头的 0 可能已丢失；请将该列设为文本格式后重新填写。",
            ],
            Self::BecameDate => [
                "Excel đã đổi giá trị này thành ngày tháng; hãy định dạng cột là Văn bản (Text) rồi nhập lại.",
                "Excel has made a date of this value; format the column as text and enter it again.",
                "Excel 已将该值转换为日期；请将该列设为文本格式后重新填写。",
            ],
            Self::NotADate => {
                ["Không phải là ngày; hãy nhập theo dạng 31/12/2010.", "Not a date; enter it like 31/12/2010.", "不是日期，请按 31/12/2010 或 2010-12-31 的格式填写。"]
            }
            Self::AmbiguousDate => [
                "Ngày có thể hiểu theo nhiều cách; hãy ghi năm bằng bốn chữ số, như 31/12/2010.",
                "The date can be read in several ways; give the year four digits, as in 31/12/2010.",
                "日期有歧义；年份请写四位数字，如 31/12/2010。",
            ],
            Self::ImpossibleDate => [
                "Ngày này không tồn tại; ngày đứng trước tháng, như 31/12/2010.",
                "There is no such day; the day stands before the month, as in 31/12/2010.",
                "该日期不存在；日在月之前，如 31/12/2010。",
            ],
            Self::NotAnInteger => ["Phải là số nguyên.", "Must be a whole number.", "必须是整数。"],
            Self::NotADecimal => ["Phải là số, như 8.5.", "Must be a number, such as 8.5.", "必须是数字，如 8.5。"],
            Self::NotABoolean => ["Hãy nhập Có hoặc Không.", "Enter Yes or No.", "请填写“是”或“否”。"],
            Self::NotAChoice(choices) => {
                let suggested = suggestions(choices, value, locale);
                return locale.pick([
                    format!("Không có trong danh mục. Giá trị hợp lệ, chẳng hạn: {suggested}."),
                    format!("Not in the list. Permitted, among others: {suggested}."),
                    format!("不在可选项中。可选值如：{suggested}。"),
                ]);
            }
            Self::AmbiguousChoice(choices) => {
                let suggested = suggestions(choices, value, locale);
                return locale.pick([
                    format!("Tên này ứng với nhiều mục; hãy nhập mã: {suggested}."),
                    format!("The name fits several entries; enter the code: {suggested}."),
                    format!("该名称对应多个选项，请填写代码：{suggested}。"),
                ]);
            }
            Self::NoHeader => ["Cột này không có tiêu đề.", "This column has no header.", "该列没有表头。"],
        };
        locale.pick(texts).to_owned()
    }
}

fn suggestions(choices: &Choices, value: &str, locale: Locale) -> String {
    let shown = choices.suggestions(value, MAX_SUGGESTIONS).into_iter().map(|choice| match choice.code.as_str() {
        "" => choice.names.pick(locale).to_owned(),
        code => format!("{code} – {}", choice.names.pick(locale)),
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// A cell that cannot be read.
#[derive(Clone, Debug)]
pub struct CellError {
    /// The sheet; empty in a CSV file.
    pub sheet: Arc<str>,
    /// The row as Excel shows it, from 1.
    pub row: u32,
    /// The letters of the column.
    pub column: String,
    /// The field of the column; empty in a column without a header.
    pub field: String,
    /// The header as the file has it.
    pub header: String,
    /// What stands in the cell; its first characters if there are many.
    pub value: String,
    /// Why it cannot be read.
    pub fault: Fault,
}

impl CellError {
    /// The stable code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// The reason in words.
    #[must_use]
    pub fn detail(&self, locale: Locale) -> String {
        self.fault.detail(&self.value, locale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Choice, Trilingual};

    #[test]
    fn a_value_that_is_not_permitted_is_answered_with_some_that_are() {
        let choices = (1..=9).map(|n| Choice { value: n.to_string(), code: format!("0{n}"), names: Trilingual::from([format!("Xã {n}").as_str(), "", ""]), also: Vec::new() });
        let fault = Fault::NotAChoice(Arc::new(Choices::new(choices.collect())));
        assert_eq!(fault.detail("?", Locale::En), "Not in the list. Permitted, among others: 01 – Xã 1; 02 – Xã 2; 03 – Xã 3; 04 – Xã 4; 05 – Xã 5.");
        assert_eq!(fault.detail("xa 7", Locale::Vi), "Không có trong danh mục. Giá trị hợp lệ, chẳng hạn: 07 – Xã 7.");
    }
}
