//! Code lists, their versions and entries.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use chrono::NaiveDate;
use registrar_domain::{
    Names,
    text::{comparison_key, search_key},
};

use crate::data;

static LISTS: LazyLock<Vec<CodeList>> = LazyLock::new(data::lists);

/// Every list, by scheme.
#[must_use]
pub fn lists() -> &'static [CodeList] {
    &LISTS
}

/// The list of this name.
#[must_use]
pub fn list(scheme: &str) -> Option<&'static CodeList> {
    let place = LISTS.binary_search_by(|list| list.scheme.cmp(scheme)).ok()?;
    LISTS.get(place)
}

/// A list of codes (danh mục, 代码表) in all its versions.
#[derive(Debug)]
pub struct CodeList {
    /// Its name in values and addresses, such as `vn-ethnic`.
    pub scheme: &'static str,
    /// What it is called.
    pub names: Names<'static>,
    /// Where the newest version comes from.
    pub source: &'static str,
    /// Whether an authority issued it; the others are Registrar's own.
    pub official: bool,
    pub(crate) older: Vec<Version>,
    pub(crate) newest: Version,
}

impl CodeList {
    /// Its versions, the newest last.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.older.iter().chain([&self.newest])
    }

    /// The version of this name.
    #[must_use]
    pub fn version(&self, version: &str) -> Option<&Version> {
        self.versions().find(|known| known.version == version)
    }

    /// The version that came last.
    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.newest
    }

    /// The newest version that holds on a day; before the first one held, the first.
    #[must_use]
    pub fn current(&self, on: NaiveDate) -> &Version {
        let held = self.versions().rev().find(|version| version.valid_from.is_none_or(|from| from <= on));
        held.or_else(|| self.older.first()).unwrap_or(&self.newest)
    }
}

/// One version of a list.
#[derive(Debug)]
pub struct Version {
    /// The list it is a version of.
    pub scheme: &'static str,
    /// Its name in values, such as `2008`.
    pub version: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The first day it holds; none when that is not known.
    pub valid_from: Option<NaiveDate>,
    /// The last day it holds; none while it lasts.
    pub valid_to: Option<NaiveDate>,
    /// The version that came after it.
    pub(crate) next: Option<&'static str>,
    pub(crate) file: &'static str,
    pub(crate) contents: OnceLock<Contents>,
}

/// The entries of a version, read when first asked for, with their indexes.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    entries: Vec<Entry>,
    by_code: HashMap<&'static str, usize>,
    /// By the code above; the roots by no text.
    below: HashMap<&'static str, Vec<usize>>,
    /// By a code of the next version that it became.
    became: HashMap<&'static str, Vec<usize>>,
    /// None where several entries have the label.
    by_label: HashMap<String, Option<usize>>,
    /// In the order of `entries`.
    search_keys: Vec<String>,
}

impl Contents {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut contents = Self::default();
        for (place, entry) in entries.iter().enumerate() {
            contents.by_code.insert(entry.code, place);
            contents.below.entry(entry.parent.unwrap_or_default()).or_default().push(place);
            for successor in &entry.successors {
                contents.became.entry(successor).or_default().push(place);
            }
            let mut search = search_key(entry.code);
            for label in entry.labels() {
                let known = contents.by_label.entry(comparison_key(label)).or_insert(Some(place));
                *known = known.filter(|known| *known == place);
                search.push(' ');
                search.push_str(&search_key(label));
            }
            contents.search_keys.push(search);
        }
        contents.entries = entries;
        contents
    }
}

impl Version {
    fn contents(&self) -> &Contents {
        self.contents.get_or_init(|| Contents::new(data::entries(self)))
    }

    /// Its entries in the list's own order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.contents().entries
    }

    /// The entry of this code, which is compared letter by letter.
    #[must_use]
    pub fn entry(&self, code: &str) -> Option<&Entry> {
        let contents = self.contents();
        contents.entries.get(*contents.by_code.get(code)?)
    }

    /// The entries directly below one, or the roots of the tree; in a flat list every entry is a root.
    pub fn children(&self, parent: Option<&str>) -> impl Iterator<Item = &Entry> {
        let contents = self.contents();
        contents.below.get(parent.unwrap_or_default()).into_iter().flatten().filter_map(|place| contents.entries.get(*place))
    }

    /// The entry of this name in any language, whatever the case, spacing and placement of tone marks; nothing when
    /// several have it.
    #[must_use]
    pub fn find_label(&self, text: &str) -> Option<&Entry> {
        let contents = self.contents();
        contents.entries.get((*contents.by_label.get(&comparison_key(text))?)?)
    }

    /// The entries whose code and names have all of these words inside, accents ignored, in the list's own order.
    pub fn search(&self, words: &str) -> impl Iterator<Item = &Entry> {
        let words = search_key(words);
        let contents = self.contents();
        let matching = contents.entries.iter().zip(&contents.search_keys);
        matching.filter(move |(_, key)| words.split(' ').all(|word| key.contains(word))).map(|(entry, _)| entry)
    }
}

/// A code and what it means.
#[derive(Debug)]
pub struct Entry {
    /// The list it stands in.
    pub scheme: &'static str,
    /// The list's version.
    pub version: &'static str,
    /// The code, opaque text.
    pub code: &'static str,
    /// What it means.
    pub names: Names<'static>,
    /// Other names that it is known by, such as short ones.
    pub also: Vec<&'static str>,
    /// The code above it, in a list that is a tree.
    pub parent: Option<&'static str>,
    /// The first day it may be used; none when that is the version's.
    pub valid_from: Option<NaiveDate>,
    /// The last day it may be used; none when that is the version's.
    pub valid_to: Option<NaiveDate>,
    pub(crate) next: Option<&'static str>,
    pub(crate) successors: Vec<&'static str>,
    pub(crate) attributes: Vec<(&'static str, &'static str)>,
}

impl Entry {
    /// The text `scheme/version/code`.
    #[must_use]
    pub fn value(&self) -> String {
        format!("{}/{}/{}", self.scheme, self.version, self.code)
    }

    /// Every name of it.
    pub fn labels(&self) -> impl Iterator<Item = &'static str> {
        self.names.known().map(|(_, name)| name).chain(self.also.iter().copied())
    }

    /// What it became in the list's next version: one entry, several when it was divided, none when it was dropped.
    pub fn successors(&self) -> impl Iterator<Item = &'static Entry> {
        let next = self.next.and_then(|next| list(self.scheme)?.version(next));
        next.into_iter().flat_map(|next| self.successors.iter().filter_map(|code| next.entry(code)))
    }

    /// What it was in the list's version before: several entries when they were merged.
    pub fn predecessors(&self) -> impl Iterator<Item = &'static Entry> {
        let before = list(self.scheme).and_then(|list| list.versions().find(|version| version.next == Some(self.version)));
        before.into_iter().flat_map(|before| {
            let contents = before.contents();
            contents.became.get(self.code).into_iter().flatten().filter_map(|place| contents.entries.get(*place))
        })
    }

    /// What more the list says of it, by the names of the columns in the list's file.
    #[must_use]
    pub fn attributes(&self) -> &[(&'static str, &'static str)] {
        &self.attributes
    }

    /// One of the [`Self::attributes`].
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests;
