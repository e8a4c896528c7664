//! A CSV file as rows: UTF-8 with or without a byte order mark, comma or semicolon, columns in any order.

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::ImportRow;
use crate::{FieldError, Problem, ProblemKind, list::coerce};

/// An opened file.
pub(super) struct File<'a> {
    reader: csv::Reader<&'a [u8]>,
    /// The column and its schema at each place.
    columns: Vec<(String, Value)>,
}

/// Opens a file and checks its header against the properties of `schema`.
///
/// # Errors
/// `malformed` for what is not UTF-8 text, `invalid` naming unknown, repeated and missing columns.
pub(super) fn open<'a>(bytes: &'a [u8], schema: &Value) -> Result<File<'a>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| Problem::new(ProblemKind::Malformed).detail(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| Problem::new(ProblemKind::Malformed).detail(error.to_string()))?.clone();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut columns: Vec<(String, Value)> = Vec::new();
    let mut errors = Vec::new();
    let mut refuse = |column: &str, code: &str, detail: String| errors.push(FieldError { pointer: column.into(), code: code.into(), detail });
    for column in header.iter().take(1000) {
        match properties.get(column) {
            _ if columns.iter().any(|(known, _)| known == column) => refuse(column, "repeated", "the column is there twice".into()),
            Some(schema) => columns.push((column.to_owned(), schema.clone())),
            None => refuse(column, "unknown_field", format!("known columns: {}", properties.keys().cloned().collect::<Vec<_>>().join(", "))),
        }
    }
    for required in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !columns.iter().any(|(column, _)| column == required) {
            refuse(required, "required", "the column is missing".into());
        }
    }
    if errors.is_empty() { Ok(File { reader, columns }) } else { Err(Problem::new(ProblemKind::Invalid).errors(errors)) }
}

impl File<'_> {
    /// How many rows there are; counts no further than one more than `most`.
    pub(super) fn count(self, most: usize) -> usize {
        self.reader.into_byte_records().take(most + 1).count()
    }

    /// The rows, lazily. A row that cannot be read is an `Err` with its line.
    pub(super) fn rows(self) -> impl Iterator<Item = Result<ImportRow, (i32, String)>> {
        let File { reader, columns } = self;
        reader.into_records().enumerate().map(move |(index, record)| {
            let line = i32::try_from(index + 2).unwrap_or(i32::MAX);
            let record = record.map_err(|error| (line, error.to_string()))?;
            if record.len() > columns.len() {
                return Err((line, format!("{} cells under {} columns", record.len(), columns.len())));
            }
            if record.iter().any(|cell| cell.contains('\0')) {
                return Err((line, "a NUL character".into()));
            }
            let filled = columns.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
            let cells: Map<String, Value> = filled.map(|((column, schema), cell)| (column.clone(), coerce(&cell.nfc().collect::<String>(), schema))).collect();
            Ok(ImportRow { line, cells })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"properties": {"code": {"type": "string"}, "grade": {"type": ["integer", "null"]}}, "required": ["code"]})
    }

    #[test]
    fn columns_may_stand_in_any_order_and_cells_may_be_empty() {
        let rows: Vec<_> = open("\u{feff}grade;code\r\n5;\"a;b\"\r\n;c\r\n".as_bytes(), &schema()).unwrap().rows().collect();
        assert_eq!(rows[0].as_ref().unwrap().cells, *json!({"code": "a;b", "grade": 5}).as_object().unwrap());
        assert_eq!((rows[1].as_ref().unwrap().line, rows[1].as_ref().unwrap().cells.len()), (3, 1));
    }

    #[test]
    fn a_header_that_does_not_fit_is_told_column_by_column() {
        let problem = open(b"grade,colour,grade\n", &schema()).err().unwrap();
        let codes: Vec<&str> = problem.field_errors().iter().map(|error| error.code.as_str()).collect();
        assert_eq!(codes, ["unknown_field", "repeated", "required"]);
        assert_eq!(open(b"\xff\xfe", &schema()).err().unwrap().kind(), ProblemKind::Malformed);
    }
}
