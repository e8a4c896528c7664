//! Tables for spreadsheet programs: headers and values in the reader's language.

use registrar_domain::Locale;
use registrar_spreadsheets::{Column, Columns, Format, Kind, Trilingual, WriteError, Writer};
use serde_json::{Map, Value};

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name of its file, without what follows the dot.
    pub name: String,
    /// What it is of, in the reader's language; names a workbook's sheet.
    pub title: String,
    /// The columns: the key of a row's value, the header, and whether it holds numbers.
    pub columns: Vec<(String, [&'static str; 3], bool)>,
    /// The rows by key.
    pub rows: Vec<Map<String, Value>>,
}

impl Table {
    /// The file. Texts that a spreadsheet program would run as formulas are neutralised.
    ///
    /// # Errors
    /// [`WriteError`]; a mistake of the program when columns have one name.
    pub fn write(&self, format: Format, locale: Locale) -> Result<Vec<u8>, WriteError> {
        let column = |(field, names, number): &(String, [&str; 3], bool)| Column {
            field: field.clone(),
            names: Trilingual::from(*names),
            kind: if *number { Kind::Decimal } else { Kind::Text },
            required: false,
            example: String::new(),
            note: Trilingual::default(),
        };
        let columns = Columns::new(self.columns.iter().map(column).collect()).map_err(|error| WriteError::NotASingleValue(error.to_string()))?;
        let mut writer = Writer::new(format, Vec::new(), &columns, locale, &self.title)?;
        for row in &self.rows {
            writer.row(row)?;
        }
        writer.finish()
    }
}
