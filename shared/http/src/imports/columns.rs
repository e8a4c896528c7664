//! How a resource says what the columns of its files are.

use std::{collections::BTreeSet, sync::Arc};

use registrar_codes::{CodeList, Entry, list};
use registrar_domain::text::comparison_key;
use registrar_spreadsheets::{Choice, Choices, Column, Columns, Kind, Trilingual};

/// A column under its header in (vi, en, zh), of text until it is said to be of something else.
#[must_use]
pub fn column(field: &str, names: [&str; 3]) -> Column {
    Column { field: field.to_owned(), names: names.into(), kind: Kind::Text, required: false, example: String::new(), note: Trilingual::default() }
}

/// What is said of a column.
pub trait Said {
    /// A value as people would enter it.
    #[must_use]
    fn example(self, example: &str) -> Self;
    /// A row must have a value in it.
    #[must_use]
    fn required(self) -> Self;
    /// What people should know who fill it in, in (vi, en, zh).
    #[must_use]
    fn note(self, note: [&str; 3]) -> Self;
    /// What it holds.
    #[must_use]
    fn of(self, kind: Kind) -> Self;
    /// It holds codes of these lists, as the type of its field does.
    #[must_use]
    fn coded(self, schemes: &[&str]) -> Self;
    /// It holds codes of one of our own lists, whose labels people know.
    #[must_use]
    fn listed(self, scheme: &str) -> Self;
}

impl Said for Column {
    fn example(mut self, example: &str) -> Self {
        example.clone_into(&mut self.example);
        self
    }

    fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn note(mut self, note: [&str; 3]) -> Self {
        self.note = note.into();
        self
    }

    fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    fn coded(self, schemes: &[&str]) -> Self {
        let lists: Vec<&CodeList> = schemes.iter().filter_map(|scheme| list(scheme)).collect();
        let choices = choices(&lists, Entry::value);
        self.of(choices)
    }

    fn listed(self, scheme: &str) -> Self {
        let lists: Vec<&CodeList> = list(scheme).into_iter().collect();
        let choices = choices(&lists, |entry| entry.code.to_owned());
        self.of(choices)
    }
}

/// The newest versions of the lists. A label belongs to the first list that has it; a bare code means that of the first
/// list only, for it means nothing alone.
fn choices(lists: &[&CodeList], value: fn(&Entry) -> String) -> Kind {
    let mut taken = BTreeSet::new();
    let mut all = Vec::new();
    for (place, list) in lists.iter().enumerate() {
        let before = taken.clone();
        for entry in list.newest().entries() {
            let names = entry.names.0.map(|name| if before.contains(&comparison_key(name)) { String::new() } else { name.to_owned() });
            taken.extend(names.iter().map(|name| comparison_key(name)));
            let code = if place == 0 { entry.code.to_owned() } else { String::new() };
            let also = entry.also.iter().filter(|name| !before.contains(&comparison_key(name))).map(|name| (*name).to_owned()).collect();
            all.push(Choice { value: value(entry), code, names: Trilingual(names), also });
        }
    }
    Kind::Choice(Arc::new(Choices::new(all)))
}

/// The columns of a resource. Two of the same name are a mistake that the resource's tests find; the file then has none.
#[must_use]
pub fn columns(list: Vec<Column>) -> Columns {
    Columns::new(list).unwrap_or_else(|error| {
        tracing::error!(%error, "the columns of a resource cannot be told apart");
        Columns::default()
    })
}
