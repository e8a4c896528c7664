//! Which row names the columns, and which column stands where.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use registrar_domain::text::{clean, comparison_key};

use crate::cell::RawRow;
use crate::column::{Column, Columns, MAX_COLUMNS};
use crate::fault::MAX_SHOWN_CHARACTERS;
use crate::file_error::FileError;

/// The header stands in the first rows, under titles at most.
pub(crate) const SEARCHED_ROWS: u32 = 20;

/// The most rows of a header, from a group's title to a column's name.
pub(crate) const MAX_HEADER_ROWS: u32 = 5;

/// How many columns a row names to be a header, if there are as many: one may be named by chance.
const MIN_NAMED: usize = 2;

/// The header of the column in which [`crate::annotate`] writes, in (vi, en, zh).
pub(crate) const REMARKS_HEADER: [&str; 3] = ["Lỗi", "Errors", "错误"];

/// The headers of a column that only numbers the rows; nothing in it is read.
const ORDINAL_HEADERS: [&str; 5] = ["STT", "TT", "No.", "#", "序号"];

/// What a column of a sheet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The column at this place of the specification, under this header.
    Known(usize, String),
    /// Where an earlier upload's errors were written, or the rows are numbered: nothing that is read.
    Remarks,
}

/// The header of a sheet.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// By the place of the column in the sheet, from 0; a column without a header is not in it.
    pub slots: BTreeMap<u32, Slot>,
    /// The number of its last row, from 1.
    pub last_row: u32,
}

impl Header {
    /// The header among the first rows of a sheet: the row that names most columns, with the names that stand under or
    /// over its gaps where cells are merged. None if no row is one.
    ///
    /// # Errors
    /// [`FileError::WrongColumns`] with all that is wrong, [`FileError::TooManyColumns`].
    pub fn find(sheet: &str, rows: &[RawRow], columns: &Columns) -> Result<Option<Self>, FileError> {
        let candidates = rows.iter().take_while(|row| row.number <= SEARCHED_ROWS).enumerate().map(|(at, row)| (named(row, columns), Reverse(at)));
        let Some((named, Reverse(at))) = candidates.max() else { return Ok(None) };
        let (Some(best), true) = (rows.get(at), named >= MIN_NAMED.min(columns.iter().len())) else { return Ok(None) };
        let (texts, last_row) = merged(best, rows, columns);
        let slots = slots(sheet, texts, columns)?;
        Ok(Some(Self { slots, last_row }))
    }

    /// The place in the sheet of the column at a place of the specification.
    pub fn position(&self, column: usize) -> Option<u32> {
        self.slots.iter().find(|(_, slot)| matches!(slot, Slot::Known(known, _) if *known == column)).map(|(position, _)| *position)
    }
}

/// How many cells of a row name a column.
fn named(row: &RawRow, columns: &Columns) -> usize {
    row.cells.iter().filter(|(_, raw)| columns.named(&raw.shown()).is_some()).count()
}

/// The header's texts by column, and the last of its rows.
fn merged(best: &RawRow, rows: &[RawRow], columns: &Columns) -> (BTreeMap<u32, String>, u32) {
    let mut texts: BTreeMap<u32, String> = best.cells.iter().map(|(position, raw)| (*position, raw.shown())).collect();
    let is_named = |texts: &BTreeMap<u32, String>, position: &u32| texts.get(position).is_some_and(|text| columns.named(text).is_some());
    let mut last_row = best.number;
    for row in rows.iter().filter(|row| row.number > best.number && row.number < best.number + MAX_HEADER_ROWS) {
        // A row of data has values under the names; a row of the header stands under group titles only.
        if named(row, columns) == 0 || row.cells.iter().any(|(position, _)| is_named(&texts, position)) {
            break;
        }
        texts.extend(row.cells.iter().map(|(position, raw)| (*position, raw.shown())));
        last_row = row.number;
    }
    for row in rows.iter().rev().filter(|row| row.number < best.number && row.number + MAX_HEADER_ROWS > best.number) {
        for (position, raw) in &row.cells {
            if !texts.contains_key(position) && columns.named(&raw.shown()).is_some() {
                texts.insert(*position, raw.shown());
            }
        }
    }
    (texts, last_row)
}

fn slots(sheet: &str, texts: BTreeMap<u32, String>, columns: &Columns) -> Result<BTreeMap<u32, Slot>, FileError> {
    if texts.len() > MAX_COLUMNS {
        return Err(FileError::TooManyColumns(MAX_COLUMNS));
    }
    let (mut unknown, mut repeated, mut found) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut slots = BTreeMap::new();
    for (position, text) in texts {
        match columns.named(&text) {
            Some(index) if found.insert(index) => {
                slots.insert(position, Slot::Known(index, clean(&text)));
            }
            Some(_) => repeated.push(text),
            None if is_remarks(&text) => {
                slots.insert(position, Slot::Remarks);
            }
            None => unknown.push(text.chars().take(MAX_SHOWN_CHARACTERS).collect()),
        }
    }
    let missing: Vec<_> = columns.iter().enumerate().filter(|(index, column)| column.required && !found.contains(index)).map(|(_, column)| name(column)).collect();
    if unknown.is_empty() && repeated.is_empty() && missing.is_empty() {
        return Ok(slots);
    }
    Err(FileError::WrongColumns { sheet: sheet.to_owned(), unknown, repeated, missing, known: columns.iter().map(name).collect() })
}

fn name(column: &Column) -> [String; 3] {
    registrar_domain::Locale::ALL.map(|locale| column.names.pick(locale).to_owned())
}

fn is_remarks(text: &str) -> bool {
    let key = comparison_key(text);
    REMARKS_HEADER.iter().chain(&ORDINAL_HEADERS).any(|header| comparison_key(header) == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Raw;
    use crate::{Kind, Trilingual};

    fn columns() -> Columns {
        let column = |field: &str, vi: &str, required| Column {
            field: field.to_owned(),
            names: [vi, field, ""].into(),
            kind: Kind::Text,
            required,
            example: String::new(),
            note: Trilingual::default(),
        };
        Columns::new(vec![column("name", "Họ và tên", true), column("born", "Ngày sinh", true), column("father", "Họ tên cha", false), column("mother", "Họ tên mẹ", false)])
            .unwrap()
    }

    fn rows(rows: &[&[&str]]) -> Vec<RawRow> {
        let row = |(number, cells): (usize, &&[&str])| RawRow {
            number: u32::try_from(number).unwrap() + 1,
            cells: cells.iter().enumerate().filter(|(_, text)| !text.is_empty()).map(|(at, text)| (u32::try_from(at).unwrap(), Raw::Text((*text).to_owned()))).collect(),
        };
        rows.iter().enumerate().map(row).collect()
    }

    fn find(texts: &[&[&str]]) -> Result<Option<Header>, FileError> {
        Header::find("", &rows(texts), &columns())
    }

    fn places(header: &Header) -> Vec<Option<u32>> {
        (0..4).map(|column| header.position(column)).collect()
    }

    #[test]
    fn the_header_is_found_under_titles_and_in_any_order() {
        let header = find(&[&["TRƯỜNG TIỂU HỌC"], &["", "Họ và tên"], &["Ngày sinh*", "Errors", "Họ và tên *"], &["1/1/2015", "", "An"]]).unwrap().unwrap();
        assert_eq!(places(&header), [Some(2), Some(0), None, None]);
        assert_eq!((header.last_row, header.slots.get(&1)), (3, Some(&Slot::Remarks)));
    }

    #[test]
    fn merged_headers_of_two_rows_are_read_together() {
        let below = find(&[&["Họ và tên", "Ngày sinh", "Gia đình", ""], &["", "", "Họ tên cha", "Họ tên mẹ"], &["An", "1/1/2015"]]).unwrap().unwrap();
        assert_eq!((places(&below), below.last_row), (vec![Some(0), Some(1), Some(2), Some(3)], 2));
        let above = find(&[&["Họ và tên", "Cá nhân", "Gia đình", ""], &["", "Ngày sinh", "Họ tên cha", "Họ tên mẹ"], &["An", "1/1/2015"]]).unwrap().unwrap();
        assert_eq!((places(&above), above.last_row), (vec![Some(0), Some(1), Some(2), Some(3)], 2));
    }

    #[test]
    fn a_row_of_data_is_no_header() {
        let header = find(&[&["Họ và tên", "Ngày sinh", "Họ tên cha"], &["Ngày sinh", "1/1/2015"]]).unwrap().unwrap();
        assert_eq!(header.last_row, 1);
        assert!(find(&[&["Họ và tên"], &["a", "b"]]).unwrap().is_none());
        assert!(find(&[]).unwrap().is_none());
    }

    /// S4-161: a file that does not conform to the template is refused, with all that is wrong at once.
    #[test]
    fn columns_that_are_not_the_templates_are_all_named() {
        let FileError::WrongColumns { unknown, repeated, missing, known, .. } = find(&[&["Tên bố", "Họ và tên", "name", "father", "Sở thích"]]).unwrap_err() else {
            panic!()
        };
        assert_eq!((unknown, repeated), (vec!["Tên bố".to_owned(), "Sở thích".to_owned()], vec!["name".to_owned()]));
        assert_eq!((missing.len(), known.len()), (1, 4));
    }

    #[test]
    fn too_many_header_cells_are_refused() {
        let mut texts = vec!["Họ và tên", "Ngày sinh"];
        texts.resize(MAX_COLUMNS + 1, "x");
        assert_eq!(find(&[&texts]).unwrap_err(), FileError::TooManyColumns(MAX_COLUMNS));
    }
}
