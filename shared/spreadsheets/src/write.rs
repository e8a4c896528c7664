//! Exports: rows of JSON as a workbook or as CSV.

use std::io::Write;

use chrono::NaiveDate;
use registrar_domain::Locale;
use rust_xlsxwriter::{Format as CellFormat, Workbook, Worksheet, XlsxError};
use serde_json::{Map, Value};

use crate::cell::{EXCEL_NUMBER_LIMIT, boolean_text};
use crate::column::{Column, Columns, Kind};
use crate::csv::protect;
use crate::fault::MAX_TEXT_CHARACTERS;
use crate::sheet::{date_format, excel_date, format_column, header_format, sheet_name, text_format};

/// What tells programs that a CSV file is in UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A workbook of Excel (.xlsx).
    Xlsx,
    /// CSV in UTF-8 with a byte order mark, with commas and CRLF.
    Csv,
}

impl Format {
    /// Its media type (RFC 7111; IANA).
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv",
        }
    }

    /// What the names of its files end with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
        }
    }
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The workbook cannot be written: the disk, more rows than a sheet has, or our mistake.
    #[error("the workbook cannot be written: {0}")]
    Workbook(Box<XlsxError>),
    /// The file cannot be written.
    #[error("the file cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The text of a field is longer than a cell takes.
    #[error("the text of {0} is longer than the {MAX_TEXT_CHARACTERS} characters that a cell holds")]
    TooLong(String),
    /// A field is an array or an object.
    #[error("{0} is not a single value")]
    NotASingleValue(String),
}

impl From<XlsxError> for WriteError {
    fn from(error: XlsxError) -> Self {
        Self::Workbook(Box::new(error))
    }
}

impl From<csv::Error> for WriteError {
    fn from(error: csv::Error) -> Self {
        Self::Io(error.into())
    }
}

/// Writes an export, row by row, that [`crate::open`] reads back to the same rows.
///
/// The rows of a workbook go to a temporary file first, so that memory does not grow with them.
pub struct Writer<'a, W: Write + Send> {
    columns: &'a Columns,
    locale: Locale,
    target: Target<W>,
    /// The row that is written next, from 0.
    next_row: u32,
}

enum Target<W: Write + Send> {
    Workbook { workbook: Box<Workbook>, date: CellFormat, text: CellFormat, out: W },
    Csv(csv::Writer<W>),
}

/// What is written in a cell.
enum Cell {
    Text(String),
    Number(f64),
    Date(NaiveDate),
}

impl<'a, W: Write + Send> Writer<'a, W> {
    /// A file with a header in the language; the title names a workbook's sheet.
    ///
    /// # Errors
    /// [`WriteError::Workbook`], [`WriteError::Io`].
    pub fn new(format: Format, mut out: W, columns: &'a Columns, locale: Locale, title: &str) -> Result<Self, WriteError> {
        let headers = columns.iter().map(|column| column.names.pick(locale));
        let target = match format {
            Format::Xlsx => {
                let mut workbook = Box::new(Workbook::new());
                let sheet = workbook.add_worksheet_with_constant_memory()?;
                sheet.set_name(sheet_name(title))?.set_freeze_panes(1, 0)?;
                for (position, (column, header)) in (0..).zip(columns.iter().zip(headers)) {
                    format_column(sheet, position, &column.kind)?;
                    sheet.write_string_with_format(0, position, header, &header_format())?;
                }
                Target::Workbook { workbook, date: date_format(), text: text_format(), out }
            }
            Format::Csv => {
                out.write_all(BYTE_ORDER_MARK)?;
                let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
                writer.write_record(headers.map(|header| protect(header).into_owned()))?;
                Target::Csv(writer)
            }
        };
        Ok(Self { columns, locale, target, next_row: 1 })
    }

    /// Writes a row: the fields that are columns, each a text, number, boolean or null. Control characters, which no
    /// cell can show, are left out.
    ///
    /// # Errors
    /// [`WriteError`]; the file cannot be continued then.
    pub fn row(&mut self, row: &Map<String, Value>) -> Result<(), WriteError> {
        let cells = self.columns.iter().map(|column| cell(column, row.get(&column.field), self.locale));
        match &mut self.target {
            Target::Workbook { workbook, date, text, .. } => {
                let sheet = workbook.worksheet_from_index(0)?;
                for (position, cell) in (0..).zip(cells) {
                    if let Some(cell) = cell? {
                        write_cell(sheet, self.next_row, position, cell, date, text)?;
                    }
                }
            }
            Target::Csv(writer) => {
                for cell in cells {
                    writer.write_field(cell?.map(csv_text).unwrap_or_default())?;
                }
                writer.write_record(None::<&[u8]>)?;
            }
        }
        self.next_row += 1;
        Ok(())
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    /// [`WriteError::Workbook`], [`WriteError::Io`].
    pub fn finish(self) -> Result<W, WriteError> {
        match self.target {
            Target::Workbook { mut workbook, mut out, .. } => {
                workbook.save_to_writer(&mut out)?;
                Ok(out)
            }
            Target::Csv(writer) => writer.into_inner().map_err(|error| WriteError::Io(error.into_error())),
        }
    }
}

fn cell(column: &Column, value: Option<&Value>, locale: Locale) -> Result<Option<Cell>, WriteError> {
    let cell = match (value, &column.kind) {
        (None | Some(Value::Null), _) => return Ok(None),
        (Some(Value::Array(_) | Value::Object(_)), _) => return Err(WriteError::NotASingleValue(column.field.clone())),
        (Some(Value::Bool(value)), _) => Cell::Text(boolean_text(*value, locale).to_owned()),
        (Some(Value::Number(number)), Kind::Integer | Kind::Decimal) => match number.as_f64() {
            Some(float) if float.abs() < EXCEL_NUMBER_LIMIT || number.is_f64() => Cell::Number(float),
            _ => Cell::Text(number.to_string()),
        },
        (Some(Value::Number(number)), _) => Cell::Text(number.to_string()),
        (Some(Value::String(text)), Kind::Date) => match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) => Cell::Date(date),
            Err(_) => Cell::Text(text.clone()),
        },
        (Some(Value::String(text)), Kind::Choice(choices)) => Cell::Text(choices.text(text, locale).unwrap_or(text).to_owned()),
        (Some(Value::String(text)), _) => Cell::Text(text.chars().filter(|letter| letter.is_whitespace() || !letter.is_control()).collect()),
    };
    match cell {
        Cell::Text(text) if text.encode_utf16().count() > MAX_TEXT_CHARACTERS => Err(WriteError::TooLong(column.field.clone())),
        cell => Ok(Some(cell)),
    }
}

fn write_cell(sheet: &mut Worksheet, row: u32, position: u16, cell: Cell, date_format: &CellFormat, text_format: &CellFormat) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string_with_format(row, position, text, text_format)?,
        Cell::Number(number) => sheet.write_number(row, position, number)?,
        Cell::Date(date) => match excel_date(date) {
            Some(excel_date) => sheet.write_datetime_with_format(row, position, &excel_date, date_format)?,
            None => sheet.write_string_with_format(row, position, date_text(date), text_format)?,
        },
    };
    Ok(())
}

fn csv_text(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => protect(&text).into_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Date(date) => date_text(date),
    }
}

fn date_text(date: NaiveDate) -> String {
    date.format("%d/%m/%Y").to_string()
}
