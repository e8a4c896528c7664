//! What the sheets that we write have in common: formats, headers, dropdowns.

use chrono::{Datelike, NaiveDate};
use registrar_domain::Locale;
use rust_xlsxwriter::utility::{check_sheet_name, column_number_to_name, quote_sheet_name};
use rust_xlsxwriter::{DataValidation, DataValidationErrorStyle, ExcelDateTime, Format, Formula, Workbook, Worksheet, XlsxError};

use crate::cell::boolean_text;
use crate::column::{Column, Kind};
use crate::template::is_help_sheet;

/// The sheet with the permitted values of columns that have many, in (vi, en, zh).
pub(crate) const LISTS_SHEET: [&str; 3] = ["Danh mục", "Lists", "选项列表"];

/// The most permitted values that are named in passing; more have a sheet, which also says what their codes mean.
pub(crate) const MAX_NAMED_CHOICES: usize = 20;

/// The last row, from 0, that has dropdowns.
const LAST_DROPDOWN_ROW: u32 = 200_000;

/// The width of a column in characters.
const COLUMN_WIDTH: u32 = 20;

/// The most UTF-16 units of a sheet's name.
const MAX_SHEET_NAME: usize = 31;

/// The earliest year of a date in Excel.
const EXCEL_FIRST_YEAR: i32 = 1900;

pub(crate) fn header_format() -> Format {
    Format::new().set_bold().set_text_wrap()
}

pub(crate) fn date_format() -> Format {
    Format::new().set_num_format("dd/mm/yyyy")
}

/// Cells of this format keep what is typed, leading zeros and all.
pub(crate) fn text_format() -> Format {
    Format::new().set_num_format("@")
}

/// The day as Excel counts it; none before 1900.
pub(crate) fn excel_date(date: NaiveDate) -> Option<ExcelDateTime> {
    let year = u16::try_from(date.year()).ok().filter(|_| date.year() >= EXCEL_FIRST_YEAR)?;
    ExcelDateTime::from_ymd(year, u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?).ok()
}

/// The title as a sheet's name, without what Excel forbids in one.
pub(crate) fn sheet_name(title: &str) -> String {
    let allowed: String = title.chars().filter(|letter| !"[]:*?/\\'".contains(*letter) && !letter.is_control()).collect();
    let name = cut(&allowed, MAX_SHEET_NAME);
    if check_sheet_name(&name).is_ok() && !is_help_sheet(&name) { name } else { "Data".to_owned() }
}

/// The beginning of a text, at most so many UTF-16 units, in which Excel counts.
pub(crate) fn cut(text: &str, most_units: usize) -> String {
    let mut units = 0;
    let fits = |letter: &char| {
        units += letter.len_utf16();
        units <= most_units
    };
    text.chars().take_while(fits).collect()
}

/// The header of a column, with a `*` if it is required.
pub(crate) fn header_text(column: &Column, locale: Locale) -> String {
    let name = column.names.pick(locale);
    if column.required { format!("{name} *") } else { name.to_owned() }
}

/// Gives a column of a sheet the format that its kind needs.
pub(crate) fn format_column(sheet: &mut Worksheet, position: u16, kind: &Kind) -> Result<(), XlsxError> {
    sheet.set_column_width(position, COLUMN_WIDTH)?;
    match kind {
        Kind::Text | Kind::Digits => sheet.set_column_format(position, &text_format())?,
        Kind::Date => sheet.set_column_format(position, &date_format())?,
        Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::Choice(_) => sheet,
    };
    Ok(())
}

/// The sheet that lists the permitted values which no dropdown can hold itself.
pub(crate) struct Lists {
    sheet: Worksheet,
    locale: Locale,
    next_column: u16,
}

impl Lists {
    pub fn new(locale: Locale) -> Result<Self, XlsxError> {
        let mut sheet = Worksheet::new();
        sheet.set_name(locale.pick(LISTS_SHEET))?;
        Ok(Self { sheet, locale, next_column: 0 })
    }

    /// Gives the cells of a column from a row on, counted from 0, a dropdown of what its kind permits. Other entries
    /// are warned of and not refused, for codes may be typed too.
    pub fn add_dropdown(&mut self, sheet: &mut Worksheet, position: u16, first_row: u32, column: &Column) -> Result<(), XlsxError> {
        let texts = match &column.kind {
            Kind::Boolean => vec![boolean_text(true, self.locale), boolean_text(false, self.locale)],
            Kind::Choice(choices) => choices.iter().filter_map(|choice| choices.text(&choice.value, self.locale)).collect(),
            Kind::Text | Kind::Date | Kind::Integer | Kind::Decimal | Kind::Digits => return Ok(()),
        };
        if texts.is_empty() {
            return Ok(());
        }
        let is_short = texts.len() <= MAX_NAMED_CHOICES && !texts.iter().any(|text| text.contains(','));
        let listed = if is_short { DataValidation::new().allow_list_strings(&texts).ok() } else { None };
        let validation = match listed {
            Some(validation) => validation,
            None => DataValidation::new().allow_list_formula(self.add(column, &texts)?),
        };
        sheet.add_data_validation(first_row, position, LAST_DROPDOWN_ROW, position, &validation.set_error_style(DataValidationErrorStyle::Warning))?;
        Ok(())
    }

    /// Writes what can be entered in a column of its own, and beside it what it is called, and says where it stands.
    fn add(&mut self, column: &Column, texts: &[&str]) -> Result<Formula, XlsxError> {
        let position = self.next_column;
        self.next_column += 2;
        format_column(&mut self.sheet, position, &Kind::Text)?;
        format_column(&mut self.sheet, position + 1, &Kind::Text)?;
        self.sheet.write_string_with_format(0, position, column.names.pick(self.locale), &header_format())?;
        let mut last_row = 0;
        for (row, text) in (1..).zip(texts) {
            self.sheet.write_string(row, position, *text)?;
            last_row = row;
        }
        if let Kind::Choice(choices) = &column.kind {
            for (row, (choice, text)) in (1..).zip(choices.iter().zip(texts)) {
                let name = choice.names.pick(self.locale);
                self.sheet.write_string(row, position + 1, if name == *text { &choice.code } else { name })?;
            }
        }
        let letters = column_number_to_name(position);
        let sheet = quote_sheet_name(self.locale.pick(LISTS_SHEET));
        Ok(Formula::new(format!("={sheet}!${letters}$2:${letters}${}", last_row + 1)))
    }

    /// Adds the sheet to a workbook, if there are lists.
    pub fn finish(self, workbook: &mut Workbook) {
        if self.next_column > 0 {
            workbook.push_worksheet(self.sheet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names_of_sheets() {
        assert_eq!(sheet_name("Học sinh [10/1]"), "Học sinh 101");
        assert_eq!(sheet_name(&"a".repeat(40)).len(), MAX_SHEET_NAME);
        for title in ["", "?", "Hướng dẫn", "LISTS"] {
            assert_eq!(sheet_name(title), "Data", "{title}");
        }
    }
}
