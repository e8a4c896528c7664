//! Reading a file: from its bytes to rows of JSON and errors.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cell::{Raw, RawRow};
use crate::column::{Columns, letters};
use crate::csv::SEPARATORS;
use crate::fault::{CellError, Fault};
use crate::file_error::FileError;
use crate::header::{Header, MAX_HEADER_ROWS, SEARCHED_ROWS, Slot};
use crate::open::{Content, Limits, inspect};
use crate::template::is_help_sheet;
use crate::{csv, xlsx};

/// A file whose columns are known and whose rows can be read.
pub struct File<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) sheets: Vec<DataSheet>,
    columns: &'a Columns,
    ignored: Vec<String>,
    next: usize,
    /// How many rows may still be read.
    rows_left: u32,
    max_rows: u32,
}

pub(crate) enum Source<'a> {
    Workbook(Box<xlsx::Workbook<'a>>),
    Csv { text: &'a str, separator: u8 },
}

/// A sheet with a header.
pub(crate) struct DataSheet {
    pub name: Arc<str>,
    pub header: Header,
    has_rows: bool,
}

/// Where a column stands in a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The field of the column.
    pub field: String,
    /// The letters over it as Excel shows them.
    pub letters: String,
    /// Its header as the file has it.
    pub header: String,
}

/// A row of data.
#[derive(Clone, Debug)]
pub struct Row {
    /// The sheet; empty in a CSV file.
    pub sheet: Arc<str>,
    /// Its number as Excel shows it, from 1.
    pub number: u32,
    /// The values by the field of their column; nothing for cells that are empty or cannot be read.
    pub cells: Map<String, Value>,
    /// The cells that cannot be read, and the required ones that are empty.
    pub errors: Vec<CellError>,
}

/// Opens a workbook (.xlsx) or CSV file (UTF-8; comma, semicolon or tab) and finds the columns in it.
///
/// Every visible sheet with a header row holds data. The sheets of a template that explain it, hidden sheets and sheets
/// without a header are not read ([`File::ignored_sheets`]).
///
/// # Errors
/// [`FileError`] for all that is wrong with the file as a whole, except for too many rows and damage behind the
/// beginning of a sheet, which [`Rows`] find.
pub fn open<'a>(bytes: &'a [u8], columns: &'a Columns, limits: &Limits) -> Result<File<'a>, FileError> {
    let (source, names) = match inspect(bytes, limits)? {
        Content::Workbook => {
            let workbook = xlsx::open(bytes)?;
            let names = xlsx::sheets(&workbook);
            (Source::Workbook(Box::new(workbook)), names)
        }
        Content::Text(text) => {
            let separator = separator(text, columns)?;
            (Source::Csv { text, separator }, vec![xlsx::SheetName { name: String::new(), hidden: false }])
        }
    };
    let mut file = File { source, sheets: Vec::new(), columns, ignored: Vec::new(), next: 0, rows_left: limits.rows, max_rows: limits.rows };
    for sheet in names {
        if is_help_sheet(&sheet.name) {
            continue;
        }
        match if sheet.hidden { None } else { file.data_sheet(&sheet.name)? } {
            Some(data) => file.sheets.push(data),
            None => file.ignored.push(sheet.name),
        }
    }
    if file.sheets.is_empty() {
        return Err(FileError::NoHeader);
    }
    if !file.sheets.iter().any(|sheet| sheet.has_rows) {
        return Err(FileError::NoRows);
    }
    Ok(file)
}

/// What stands between the cells of the text: that which makes a header of one of its rows.
fn separator(text: &str, columns: &Columns) -> Result<u8, FileError> {
    let mut wrong_columns = None;
    for separator in SEPARATORS {
        match Header::find("", &first_rows(csv::rows(text, separator))?, columns) {
            Ok(Some(_)) => return Ok(separator),
            Ok(None) => {}
            Err(error) => wrong_columns = Some(error),
        }
    }
    Err(wrong_columns.unwrap_or(FileError::NoHeader))
}

/// The rows among which the header is.
fn first_rows(rows: impl Iterator<Item = Result<RawRow, FileError>>) -> Result<Vec<RawRow>, FileError> {
    let is_first = |row: &Result<RawRow, FileError>| row.as_ref().map_or(true, |row| row.number < SEARCHED_ROWS + MAX_HEADER_ROWS);
    rows.take_while(is_first).collect()
}

impl<'a> File<'a> {
    /// The sheets that are not read, though people may have meant them to be.
    #[must_use]
    pub fn ignored_sheets(&self) -> &[String] {
        &self.ignored
    }

    /// The rows of the next sheet with data; none after the last one.
    ///
    /// # Errors
    /// [`FileError::Unreadable`].
    pub fn next_sheet(&mut self) -> Result<Option<Rows<'_>>, FileError> {
        let Some(DataSheet { name, header, .. }) = self.sheets.get(self.next) else { return Ok(None) };
        self.next += 1;
        let raw = raw_rows(&mut self.source, name)?;
        Ok(Some(Rows { raw, header, sheet: name.clone(), columns: self.columns, rows_left: &mut self.rows_left, max_rows: self.max_rows, ended: false }))
    }

    fn data_sheet(&mut self, name: &str) -> Result<Option<DataSheet>, FileError> {
        let first = first_rows(raw_rows(&mut self.source, name)?)?;
        let Some(header) = Header::find(name, &first, self.columns)? else { return Ok(None) };
        let is_data = |row: &RawRow| row.number > header.last_row && row.cells.iter().any(|(position, _)| header.slots.get(position) != Some(&Slot::Remarks));
        let mut has_rows = first.iter().any(is_data);
        if !has_rows {
            for row in raw_rows(&mut self.source, name)? {
                has_rows = is_data(&row?);
                if has_rows {
                    break;
                }
            }
        }
        Ok(Some(DataSheet { name: name.into(), header, has_rows }))
    }
}

/// The rows of a sheet as they are.
pub(crate) type RawRows<'a> = Box<dyn Iterator<Item = Result<RawRow, FileError>> + Send + 'a>;

pub(crate) fn raw_rows<'a>(source: &'a mut Source<'_>, sheet: &str) -> Result<RawRows<'a>, FileError> {
    match source {
        Source::Workbook(workbook) => Ok(Box::new(xlsx::rows(workbook, sheet)?)),
        Source::Csv { text, separator } => Ok(Box::new(csv::rows(text, *separator))),
    }
}

/// The rows of data of one sheet in their order; empty ones are left out. After an error there is no more.
pub struct Rows<'a> {
    raw: RawRows<'a>,
    header: &'a Header,
    sheet: Arc<str>,
    columns: &'a Columns,
    rows_left: &'a mut u32,
    max_rows: u32,
    ended: bool,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let row = self.raw.next()?;
            if row.as_ref().is_ok_and(|row| row.number <= self.header.last_row) {
                continue;
            }
            match row.and_then(|row| self.counted(row)) {
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Rows<'_> {
    /// The columns that the sheet has, from left to right.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.header.slots.iter().filter_map(|(position, slot)| match slot {
            Slot::Known(index, header) => Some(Place { field: self.columns.get(*index)?.field.clone(), letters: letters(*position), header: header.clone() }),
            Slot::Remarks => None,
        })
    }

    fn counted(&mut self, raw: RawRow) -> Result<Option<Row>, FileError> {
        let Some(row) = self.row(raw) else { return Ok(None) };
        *self.rows_left = self.rows_left.checked_sub(1).ok_or(FileError::TooManyRows(self.max_rows))?;
        Ok(Some(row))
    }

    /// The row of data; none if nothing stands in it but an earlier upload's errors.
    fn row(&self, raw: RawRow) -> Option<Row> {
        let mut row = Row { sheet: self.sheet.clone(), number: raw.number, cells: Map::new(), errors: Vec::new() };
        let mut has_unnamed = false;
        let mut filled = vec![false; self.columns.iter().len()];
        for (position, raw) in raw.cells {
            match self.header.slots.get(&position) {
                Some(Slot::Known(index, header)) => {
                    if let (Some(column), Some(filled)) = (self.columns.get(*index), filled.get_mut(*index)) {
                        *filled = true;
                        match raw.value(&column.kind) {
                            Ok(value) => drop(row.cells.insert(column.field.clone(), value)),
                            Err(fault) => row.errors.push(self.error(row.number, position, &column.field, header, Some(&raw), fault)),
                        }
                    }
                }
                Some(Slot::Remarks) => {}
                // One error says it for all of them.
                None if has_unnamed => {}
                None => {
                    has_unnamed = true;
                    row.errors.push(self.error(row.number, position, "", "", Some(&raw), Fault::NoHeader));
                }
            }
        }
        if row.cells.is_empty() && row.errors.is_empty() {
            return None;
        }
        for (position, slot) in &self.header.slots {
            let Slot::Known(index, header) = slot else { continue };
            if let (Some(column), Some(false)) = (self.columns.get(*index), filled.get(*index))
                && column.required
            {
                row.errors.push(self.error(row.number, *position, &column.field, header, None, Fault::Required));
            }
        }
        Some(row)
    }

    fn error(&self, row: u32, position: u32, field: &str, header: &str, raw: Option<&Raw>, fault: Fault) -> CellError {
        CellError {
            sheet: self.sheet.clone(),
            row,
            column: letters(position),
            field: field.to_owned(),
            header: header.to_owned(),
            value: raw.map(Raw::shown_briefly).unwrap_or_default(),
            fault,
        }
    }
}
