//! The file with what is wrong with it written beside its cells.

use std::collections::HashMap;

use chrono::{NaiveTime, Timelike};
use registrar_domain::Locale;
use rust_xlsxwriter::{Color, Format, Note, Workbook, Worksheet, XlsxError};

use crate::cell::{Raw, RawRow};
use crate::column::{Columns, Kind};
use crate::csv::protect;
use crate::fault::{CellError, MAX_TEXT_CHARACTERS};
use crate::file::{DataSheet, Source, open, raw_rows};
use crate::file_error::FileError;
use crate::header::{Header, REMARKS_HEADER, Slot};
use crate::open::Limits;
use crate::sheet::{LISTS_SHEET, Lists, cut, date_format, excel_date, format_column, header_format, text_format};
use crate::template::is_called;
use crate::write::{BYTE_ORDER_MARK, WriteError};
use crate::{csv as csv_file, xlsx};

/// The most cells that get a note; the last column names what is wrong in every row all the same.
pub const MAX_NOTES: usize = 5_000;

/// How many UTF-16 units less than a cell a note holds.
const NOTE_MARGIN: usize = 54;

/// The light red behind cells that are wrong.
const WRONG: Color = Color::RGB(0x00FF_C7CE);

/// Something to say about a cell, or about a row as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The sheet; empty in a CSV file.
    pub sheet: String,
    /// The row as Excel shows it, from 1.
    pub row: u32,
    /// The field of the column; empty for the row as a whole.
    pub field: String,
    /// What to say.
    pub text: String,
}

impl CellError {
    /// The error as a remark.
    #[must_use]
    pub fn remark(&self, locale: Locale) -> Remark {
        Remark { sheet: self.sheet.to_string(), row: self.row, field: self.field.clone(), text: self.detail(locale) }
    }
}

/// Why a file cannot be annotated.
#[derive(Debug, thiserror::Error)]
pub enum AnnotateError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The new one cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<XlsxError> for AnnotateError {
    fn from(error: XlsxError) -> Self {
        Self::Write(error.into())
    }
}

impl From<csv::Error> for AnnotateError {
    fn from(error: csv::Error) -> Self {
        Self::Write(error.into())
    }
}

/// The remarks by sheet and row.
type Remarks = HashMap<(String, u32), Vec<Remark>>;

/// The same file with the remarks in it, in the same format: in a last column, which [`open`] does not read, and in a
/// workbook also as notes at the cells, which are highlighted. Corrected, it can be uploaded again.
///
/// A workbook keeps its sheets, its values and dates, and has the formats and dropdowns of the template; other formats
/// and charts are lost, and formulas become what they showed. Remarks on rows that the file does not have are left out.
///
/// # Errors
/// [`AnnotateError::File`] as from [`open`], [`AnnotateError::Write`].
pub fn annotate(bytes: &[u8], columns: &Columns, limits: &Limits, remarks: impl IntoIterator<Item = Remark>, locale: Locale) -> Result<Vec<u8>, AnnotateError> {
    let mut file = open(bytes, columns, limits)?;
    let mut by_row = Remarks::new();
    for remark in remarks {
        by_row.entry((remark.sheet.clone(), remark.row)).or_default().push(remark);
    }
    match file.source {
        Source::Csv { text, separator } => {
            let Some(sheet) = file.sheets.first() else { return Err(FileError::NoHeader.into()) };
            annotate_csv(text, separator, &Sheet { columns, header: &sheet.header, remarks: &by_row, locale })
        }
        Source::Workbook(_) => annotate_workbook(&mut file.source, &file.sheets, columns, &by_row, locale),
    }
}

/// A sheet that is annotated.
struct Sheet<'a> {
    columns: &'a Columns,
    header: &'a Header,
    remarks: &'a Remarks,
    locale: Locale,
}

impl Sheet<'_> {
    /// Where the remarks stand: where they stood before, else behind all other cells.
    fn position(&self, width: u32) -> u32 {
        let before = self.header.slots.iter().find(|(_, slot)| **slot == Slot::Remarks);
        before.map_or(width, |(position, _)| *position)
    }

    fn remarks(&self, sheet: &str, row: u32) -> &[Remark] {
        self.remarks.get(&(sheet.to_owned(), row)).map_or(&[], Vec::as_slice)
    }

    /// What the last column says about a row: each column by its header, and what is wrong there.
    fn text(&self, remarks: &[Remark]) -> String {
        let lines = remarks.iter().map(|remark| match self.columns.iter().find(|column| column.field == remark.field) {
            Some(column) => format!("{}: {}", column.names.pick(self.locale), remark.text),
            None => remark.text.clone(),
        });
        lines.collect::<Vec<_>>().join(" ")
    }
}

fn annotate_csv(text: &str, separator: u8, sheet: &Sheet<'_>) -> Result<Vec<u8>, AnnotateError> {
    let mut width = 0;
    let mut rows = csv_file::rows(text, separator);
    while let Some((_, record)) = rows.record()? {
        width = width.max(record.len());
    }
    let position = usize::try_from(sheet.position(u32::try_from(width).unwrap_or(u32::MAX))).unwrap_or(width);
    let mut writer = csv::WriterBuilder::new().delimiter(separator).flexible(true).terminator(csv::Terminator::CRLF).from_writer(BYTE_ORDER_MARK.to_vec());
    let mut rows = csv_file::rows(text, separator);
    while let Some((number, record)) = rows.record()? {
        let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
        cells.resize(cells.len().max(position + 1), String::new());
        if let Some(cell) = cells.get_mut(position) {
            *cell = match number == sheet.header.last_row {
                true => sheet.locale.pick(REMARKS_HEADER).to_owned(),
                false => protect(&sheet.text(sheet.remarks("", number))).into_owned(),
            };
        }
        writer.write_record(cells)?;
    }
    Ok(writer.into_inner().map_err(|error| WriteError::Io(error.into_error()))?)
}

fn annotate_workbook(source: &mut Source<'_>, data: &[DataSheet], columns: &Columns, remarks: &Remarks, locale: Locale) -> Result<Vec<u8>, AnnotateError> {
    let mut workbook = Workbook::new();
    let mut lists = Lists::new(locale)?;
    let mut notes_left = MAX_NOTES;
    let names = match source {
        Source::Workbook(workbook) => xlsx::sheets(workbook),
        Source::Csv { .. } => Vec::new(),
    };
    for name in names {
        // Our own lists are written anew, in the language that is asked for.
        if is_called(&name.name, LISTS_SHEET) {
            continue;
        }
        let written = workbook.add_worksheet_with_constant_memory()?;
        // The first sheet is active unless another is, and Excel does not open a workbook whose active sheet is hidden.
        let is_first = data.first().is_some_and(|first| *first.name == *name.name);
        written.set_name(&name.name)?.set_hidden(name.hidden).set_active(is_first);
        match data.iter().find(|sheet| *sheet.name == *name.name) {
            None => {
                for row in raw_rows(source, &name.name)? {
                    copy_row(written, &row?)?;
                }
            }
            Some(DataSheet { header, .. }) => {
                let sheet = Sheet { columns, header, remarks, locale };
                let mut width = 0;
                for row in raw_rows(source, &name.name)? {
                    width = width.max(row?.cells.last().map_or(0, |(position, _)| position + 1));
                }
                prepare(written, &sheet, &mut lists)?;
                let position = sheet.position(width);
                for row in raw_rows(source, &name.name)? {
                    annotate_row(written, &sheet, &name.name, &row?, position, &mut notes_left)?;
                }
            }
        }
    }
    lists.finish(&mut workbook);
    Ok(workbook.save_to_buffer()?)
}

/// Gives the columns the formats and dropdowns of the template.
fn prepare(written: &mut Worksheet, sheet: &Sheet<'_>, lists: &mut Lists) -> Result<(), XlsxError> {
    for (position, slot) in &sheet.header.slots {
        if let Slot::Known(index, _) = slot
            && let Some(column) = sheet.columns.get(*index)
        {
            format_column(written, place(*position)?, &column.kind)?;
            lists.add_dropdown(written, place(*position)?, sheet.header.last_row, column)?;
        }
    }
    Ok(())
}

fn annotate_row(written: &mut Worksheet, sheet: &Sheet<'_>, name: &str, row: &RawRow, position: u32, notes_left: &mut usize) -> Result<(), XlsxError> {
    if row.number <= sheet.header.last_row {
        copy_row(written, row)?;
        if row.number == sheet.header.last_row {
            written.write_string_with_format(row.number - 1, place(position)?, sheet.locale.pick(REMARKS_HEADER), &header_format())?;
        }
        return Ok(());
    }
    let remarks = sheet.remarks(name, row.number);
    for (place_of_cell, raw) in row.cells.iter().filter(|(place_of_cell, _)| *place_of_cell != position) {
        let column = match sheet.header.slots.get(place_of_cell) {
            Some(Slot::Known(index, _)) => sheet.columns.get(*index),
            _ => None,
        };
        let is_text = column.is_some_and(|column| matches!(column.kind, Kind::Text | Kind::Digits));
        let is_wrong = column.is_some_and(|column| remarks.iter().any(|remark| remark.field == column.field));
        write_raw(written, row.number - 1, place(*place_of_cell)?, raw, is_text, is_wrong)?;
    }
    for remark in remarks {
        let column = sheet.columns.iter().position(|column| column.field == remark.field);
        let Some(place_of_cell) = column.and_then(|column| sheet.header.position(column)) else { continue };
        let is_empty = !row.cells.iter().any(|(filled, _)| *filled == place_of_cell);
        if is_empty {
            written.write_blank(row.number - 1, place(place_of_cell)?, &Format::new().set_background_color(WRONG))?;
        }
        if *notes_left > 0 {
            *notes_left -= 1;
            written.insert_note(row.number - 1, place(place_of_cell)?, &Note::new(fitting(&remark.text)).add_author_prefix(false))?;
        }
    }
    if !remarks.is_empty() {
        written.write_string(row.number - 1, place(position)?, fitting(&sheet.text(remarks)))?;
    }
    Ok(())
}

fn copy_row(written: &mut Worksheet, row: &RawRow) -> Result<(), XlsxError> {
    row.cells.iter().try_for_each(|(position, raw)| write_raw(written, row.number - 1, place(*position)?, raw, false, false))
}

fn write_raw(written: &mut Worksheet, row: u32, position: u16, raw: &Raw, is_text: bool, is_wrong: bool) -> Result<(), XlsxError> {
    let format = match raw {
        Raw::Moment(moment) if moment.time() == NaiveTime::MIN => date_format(),
        Raw::Moment(_) => Format::new().set_num_format("dd/mm/yyyy hh:mm:ss"),
        _ if is_text => text_format(),
        _ => Format::new(),
    };
    let format = if is_wrong { format.set_background_color(WRONG) } else { format };
    match raw {
        Raw::Text(text) | Raw::Error(text) => written.write_string_with_format(row, position, fitting(text), &format)?,
        Raw::Number(number) => written.write_number_with_format(row, position, *number, &format)?,
        Raw::Boolean(value) => written.write_boolean_with_format(row, position, *value, &format)?,
        Raw::Formula(shown) => return write_raw(written, row, position, shown, is_text, is_wrong),
        Raw::Moment(moment) => match excel_date(moment.date()) {
            Some(date) => {
                let time = moment.time();
                let hour = u16::try_from(time.hour()).unwrap_or_default();
                let date = date.and_hms(hour, u8::try_from(time.minute()).unwrap_or_default(), time.second())?;
                written.write_datetime_with_format(row, position, &date, &format)?
            }
            None => written.write_string_with_format(row, position, raw.shown(), &format)?,
        },
    };
    Ok(())
}

/// As much of a text as a cell holds, and a note.
fn fitting(text: &str) -> String {
    cut(text, MAX_TEXT_CHARACTERS - NOTE_MARGIN)
}

fn place(position: u32) -> Result<u16, XlsxError> {
    u16::try_from(position).map_err(|_| XlsxError::RowColumnLimitError)
}
