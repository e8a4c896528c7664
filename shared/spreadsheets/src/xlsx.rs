//! The rows of a workbook's sheets, one after another.
//!
//! calamine computes with the references that a file declares and panics where these overflow, in builds that check for
//! that; a panic of it is an error of the file.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError};
use chrono::{NaiveDate, NaiveDateTime};

use crate::cell::{Raw, RawRow};
use crate::file_error::FileError;

/// The most rows and columns of a sheet in Excel.
const SHEET_ROWS: u32 = 1_048_576;
const SHEET_COLUMNS: u32 = 16_384;

/// A workbook with its shared texts and styles in memory, and its sheets in the file.
pub(crate) type Workbook<'a> = Xlsx<Cursor<&'a [u8]>>;

/// A sheet that can hold data.
pub(crate) struct SheetName {
    pub name: String,
    pub hidden: bool,
}

/// The workbook in a file that was inspected.
pub(crate) fn open(bytes: &[u8]) -> Result<Workbook<'_>, FileError> {
    guarded(|| Workbook::new(Cursor::new(bytes))).map_err(|failure| match failure {
        Some(XlsxError::Password) => FileError::Encrypted,
        _ => FileError::Damaged,
    })
}

/// The sheets in their order; charts are none.
pub(crate) fn sheets(workbook: &Workbook<'_>) -> Vec<SheetName> {
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    sheets.map(|sheet| SheetName { name: sheet.name.clone(), hidden: sheet.visible != SheetVisible::Visible }).collect()
}

/// The rows of a sheet that are not empty, in their order.
pub(crate) struct Rows<'a, 'b> {
    cells: XlsxCellReader<'a, Cursor<&'b [u8]>>,
    sheet: String,
    /// The first cell of the next row.
    ahead: Option<(u32, u32, Raw)>,
    /// The row that was read last, from 0.
    last: Option<u32>,
    /// Whether all cells were read, or one could not be.
    ended: bool,
}

/// The rows of a sheet.
pub(crate) fn rows<'a, 'b>(workbook: &'a mut Workbook<'b>, sheet: &str) -> Result<Rows<'a, 'b>, FileError> {
    let unreadable = |_| FileError::Unreadable { sheet: sheet.to_owned(), row: 1 };
    let cells = guarded(|| workbook.worksheet_cells_reader(sheet)).map_err(unreadable)?;
    Ok(Rows { cells, sheet: sheet.to_owned(), ahead: None, last: None, ended: false })
}

impl Rows<'_, '_> {
    fn row(&mut self) -> Result<Option<RawRow>, XlsxFailure> {
        let Some((row, column, raw)) = self.ahead.take().map_or_else(|| self.cell(), |cell| Ok(Some(cell)))? else { return Ok(None) };
        let mut cells = vec![(column, raw)];
        while let Some((next_row, column, raw)) = self.cell()? {
            if next_row != row {
                self.ahead = Some((next_row, column, raw));
                break;
            }
            cells.push((column, raw));
        }
        let in_order = self.last.is_none_or(|last| last < row) && cells.is_sorted_by(|left, right| left.0 < right.0);
        self.last = Some(row);
        if in_order { Ok(Some(RawRow { number: row + 1, cells })) } else { Err(None) }
    }

    /// The next cell that is not empty.
    fn cell(&mut self) -> Result<Option<(u32, u32, Raw)>, XlsxFailure> {
        loop {
            let Some(cell) = guarded(|| self.cells.next_cell_with_formula_metadata())? else {
                self.ended = true;
                return Ok(None);
            };
            let (row, column) = cell.pos;
            if row >= SHEET_ROWS || column >= SHEET_COLUMNS {
                return Err(None);
            }
            if let Some(raw) = raw(cell.value) {
                let raw = if cell.formula.is_some() { Raw::Formula(Box::new(raw)) } else { raw };
                return Ok(Some((row, column, raw)));
            }
        }
    }
}

impl Iterator for Rows<'_, '_> {
    type Item = Result<RawRow, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended && self.ahead.is_none() {
            return None;
        }
        let row = self.row().map_err(|_| FileError::Unreadable { sheet: self.sheet.clone(), row: self.last.map_or(1, |last| last + 2) });
        if row.is_err() {
            self.ended = true;
            self.ahead = None;
        }
        row.transpose()
    }
}

/// What calamine reports; none where it panicked or the file contradicts itself.
type XlsxFailure = Option<XlsxError>;

fn guarded<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, XlsxFailure> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| None)?.map_err(Some)
}

fn raw(value: DataRef<'_>) -> Option<Raw> {
    match value {
        DataRef::Empty => None,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Raw::text(text),
        DataRef::SharedString(text) => Raw::text(text.to_owned()),
        DataRef::Int(number) => Some(Raw::Number(number as f64)),
        DataRef::Float(number) => Some(Raw::Number(number)),
        DataRef::Bool(value) => Some(Raw::Boolean(value)),
        DataRef::DateTime(moment) => Some(raw_moment(moment)),
        DataRef::Error(error) => Some(Raw::Error(error.to_string())),
    }
}

/// Durations and times without a day stay numbers; 29/02/1900, which only Excel has, stays text.
fn raw_moment(moment: ExcelDateTime) -> Raw {
    if !moment.is_datetime() || moment.as_f64() < 1.0 {
        return Raw::Number(moment.as_f64());
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
    let moment: Option<NaiveDateTime> = date.and_then(|date| date.and_hms_opt(hour.into(), minute.into(), second.into()));
    moment.map_or_else(|| Raw::Text(format!("{day:02}/{month:02}/{year}")), Raw::Moment)
}
