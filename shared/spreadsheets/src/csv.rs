//! The rows of a CSV file, and the protection of its texts from being read as formulas.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord, Terminator};

use crate::cell::{Raw, RawRow};
use crate::file_error::FileError;

/// What may stand between the cells of a row.
pub(crate) const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A text that begins with one of these is a formula to a spreadsheet program.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The text as it is written: with a `'` before what would be a formula, and before what already has one.
pub(crate) fn protect(text: &str) -> Cow<'_, str> {
    if is_formula(text.trim_start_matches('\'')) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that was written: undoes [`protect`], and nothing else.
pub(crate) fn unprotect(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => text,
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(FORMULA_STARTS)
}

/// The rows of a text that are not empty, in their order.
pub(crate) struct Rows<'a> {
    reader: csv::Reader<&'a [u8]>,
    text: &'a str,
    number: u32,
}

/// The rows of a text, with what stands between its cells.
pub(crate) fn rows(text: &str, separator: u8) -> Rows<'_> {
    // Rows end at line feeds, so that empty lines, which the reader skips, can be counted.
    let reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).terminator(Terminator::Any(b'\n')).from_reader(text.as_bytes());
    Rows { reader, text, number: 0 }
}

impl Rows<'_> {
    /// The next row as it is written, empty or not, with its number as Excel shows it.
    pub fn record(&mut self) -> Result<Option<(u32, StringRecord)>, FileError> {
        let start = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        let mut record = StringRecord::new();
        if !self.reader.read_record(&mut record).map_err(|_| FileError::Damaged)? {
            return Ok(None);
        }
        let skipped = self.text.as_bytes().iter().skip(start).take_while(|byte| **byte == b'\n').count();
        self.number = self.number.saturating_add(1).saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX));
        if record.iter().next_back().is_some_and(|last| last.ends_with('\r')) {
            let last = record.len() - 1;
            record = record.iter().enumerate().map(|(at, cell)| if at == last { cell.trim_end_matches('\r') } else { cell }).collect();
        }
        Ok(Some((self.number, record)))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<RawRow, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, record) = match self.record().transpose()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let cells: Vec<_> = (0..).zip(record.iter()).filter_map(|(position, text)| Some((position, Raw::text(unprotect(text).to_owned())?))).collect();
            if !cells.is_empty() {
                return Some(Ok(RawRow { number, cells }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u32, Vec<(u32, String)>)> {
        rows(text, b',').map(|row| row.unwrap()).map(|row| (row.number, row.cells.into_iter().map(|(at, raw)| (at, raw.shown())).collect())).collect()
    }

    fn cells(texts: &[(u32, &str)]) -> Vec<(u32, String)> {
        texts.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
    }

    #[test]
    fn rows_have_the_numbers_that_excel_shows() {
        let expected = [(3, cells(&[(0, "a"), (2, "b")])), (4, cells(&[(0, "c d")])), (7, cells(&[(0, "e")])), (8, cells(&[(0, "f")]))];
        for end in ["\n", "\r\n"] {
            let text = ["", "", "a,,b", "\"c\nd\"", "", ",", "e", "\"f\""].join(end);
            assert_eq!(read(&text), expected, "{end:?}");
            assert_eq!(read(&format!("{text}{end}{end}")), expected, "{end:?}");
        }
    }

    #[test]
    fn a_text_is_never_a_formula_and_comes_back_as_it_was() {
        for text in ["=1+1", "+84 912", "-5", "@x", "\tx", "\rx", "'=1", "''=1", "'", "'x", "x=1", "", "O'Brien"] {
            let written = protect(text);
            assert!(!is_formula(&written), "{text}");
            assert_eq!(unprotect(&written), text);
        }
        assert_eq!(unprotect("'quoted'"), "'quoted'");
    }
}
