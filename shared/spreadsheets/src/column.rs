//! What the columns of a spreadsheet are: given by a resource, known to every part of this crate.

use std::collections::HashMap;
use std::sync::Arc;

use registrar_domain::text::comparison_key;
use registrar_domain::{Locale, Names};

use crate::choice::Choices;

/// The most columns that a spreadsheet can have.
pub const MAX_COLUMNS: usize = 200;

/// The most bytes of a header cell that is compared with names.
const MAX_HEADER_BYTES: usize = 1_000;

/// A text in (vi, en, zh); an empty one is given in another language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trilingual(pub [String; 3]);

impl Trilingual {
    /// The text in a language; else the one that there is.
    #[must_use]
    pub fn pick(&self, locale: Locale) -> &str {
        self.names().pick(locale)
    }

    /// The texts that there are.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.names().known().map(|(_, text)| text)
    }

    fn names(&self) -> Names<'_> {
        let Self([vi, en, zh]) = self;
        Names([vi, en, zh])
    }
}

impl From<[&str; 3]> for Trilingual {
    fn from(texts: [&str; 3]) -> Self {
        Self(texts.map(str::to_owned))
    }
}

impl From<Names<'_>> for Trilingual {
    fn from(names: Names<'_>) -> Self {
        names.0.into()
    }
}

/// What may stand in a column, and what becomes of it in JSON.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Text, cleaned; a string.
    Text,
    /// A day; a string `YYYY-MM-DD`.
    Date,
    /// A whole number; a number.
    Integer,
    /// A number with or without decimals; a number, in floating point.
    Decimal,
    /// Yes or no; a boolean.
    Boolean,
    /// Text of digits, such as a personal number or a code, that must not come as a number, which has no leading
    /// zeros; a string.
    Digits,
    /// One of a list; the string that is its value.
    Choice(Arc<Choices>),
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The key in the JSON object of a row; kept as it is, also with dots in it.
    pub field: String,
    /// The header.
    pub names: Trilingual,
    /// What may stand in it.
    pub kind: Kind,
    /// Whether a file must have the column and each of its rows a value in it.
    pub required: bool,
    /// A value as people would enter it.
    pub example: String,
    /// What people should know who fill it in.
    pub note: Trilingual,
}

/// Why columns cannot be told apart or handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A header or field that stands for two columns.
    #[error("two columns are called {0}")]
    Repeated(String),
    /// None, or more than [`MAX_COLUMNS`].
    #[error("there are {0} columns, of at least 1 and at most {MAX_COLUMNS}")]
    Number(usize),
}

/// The columns of a spreadsheet in their order, found by any of their names.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    list: Vec<Column>,
    by_key: HashMap<String, usize>,
}

impl Columns {
    /// The columns in the order in which files are written; files that are read may have any other.
    ///
    /// # Errors
    /// [`ColumnsError`]: a mistake of the program, not of its user.
    pub fn new(list: Vec<Column>) -> Result<Self, ColumnsError> {
        if list.is_empty() || list.len() > MAX_COLUMNS {
            return Err(ColumnsError::Number(list.len()));
        }
        let mut by_key = HashMap::new();
        for (index, column) in list.iter().enumerate() {
            for name in column.names.known().chain([column.field.as_str()]) {
                if by_key.insert(comparison_key(name), index).is_some_and(|other| other != index) {
                    return Err(ColumnsError::Repeated(name.to_owned()));
                }
            }
        }
        Ok(Self { list, by_key })
    }

    /// The columns in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.list.iter()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Column> {
        self.list.get(index)
    }

    /// The place of the column that a header cell names, in any language or by its field; a `*` or a remark in
    /// parentheses after the name does not count, unless it belongs to it.
    pub(crate) fn named(&self, header: &str) -> Option<usize> {
        if header.len() > MAX_HEADER_BYTES {
            return None;
        }
        let mut key = comparison_key(header);
        loop {
            if let Some(index) = self.by_key.get(&key) {
                return Some(*index);
            }
            key = without_mark(&key)?.to_owned();
        }
    }
}

fn without_mark(key: &str) -> Option<&str> {
    let shorter = key.strip_suffix('*').or_else(|| {
        let open = key.strip_suffix([')', '）'])?.rfind(['(', '（'])?;
        key.get(..open)
    });
    shorter.map(str::trim_end)
}

/// The letters over a column as Excel shows them, from its place counted from 0.
pub(crate) fn letters(mut index: u32) -> String {
    let mut reversed = Vec::new();
    loop {
        reversed.push(char::from(b'A' + u8::try_from(index % 26).unwrap_or_default()));
        if index < 26 {
            return reversed.into_iter().rev().collect();
        }
        index = index / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(field: &str, names: [&str; 3]) -> Column {
        Column { field: field.to_owned(), names: names.into(), kind: Kind::Text, required: false, example: String::new(), note: Trilingual::default() }
    }

    #[test]
    fn a_column_is_found_by_each_of_its_names() {
        let columns = Columns::new(vec![column("name", ["Họ và tên", "Full name", "姓名"]), column("phone", ["Điện thoại (cha)", "Phone", "电话"])]).unwrap();
        let decomposed = "  HO\u{323} va\u{300}\u{a0}te\u{302}n ";
        for header in ["Họ và tên", decomposed, "full  NAME*", "姓名（必填）", "Full name (as in the certificate) *", "name"] {
            assert_eq!(columns.named(header), Some(0), "{header}");
        }
        assert_eq!(columns.named("Điện thoại (cha)"), Some(1));
        for header in ["Điện thoại", "*", "", &"*".repeat(10_000_000)] {
            assert_eq!(columns.named(header), None);
        }
    }

    #[test]
    fn columns_that_cannot_be_told_apart_are_refused() {
        let same = vec![column("a", ["Tên", "Name", ""]), column("b", ["TÊN ", "Other", ""])];
        assert_eq!(Columns::new(same).unwrap_err(), ColumnsError::Repeated("TÊN ".to_owned()));
        assert_eq!(Columns::new(Vec::new()).unwrap_err(), ColumnsError::Number(0));
    }

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!([0, 25, 26, 51, 52, 701, 702, 16_383].map(letters), ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD"]);
    }
}
