//! Which entries of a list are meant, page by page.

use registrar_codes::{Entry, Version};
use registrar_store::{Page, PageRequest, StoreError, StoreResult};
use uuid::Uuid;

/// What the entries of a version are narrowed by.
#[derive(Debug, Default)]
pub struct EntryFilter<'a> {
    /// Only what stands directly below a code, or at the top of the tree.
    pub below: Option<Option<&'a str>>,
    /// Only what has these words in its code or names.
    pub words: Option<&'a str>,
}

/// A page of the entries that match, in the list's own order.
///
/// # Errors
/// [`StoreError::BadCursor`] for a cursor of another list or filter.
pub fn page(version: &'static Version, filter: &EntryFilter<'_>, page: &PageRequest) -> StoreResult<Page<&'static Entry>> {
    let mut found: Vec<&'static Entry> = match (filter.below, filter.words) {
        (None, None) => version.entries().iter().collect(),
        (Some(parent), None) => version.children(parent).collect(),
        (below, Some(words)) => version.search(words).filter(|entry| below.is_none_or(|parent| entry.parent == parent)).collect(),
    };
    if page.descending {
        found.reverse();
    }
    let start = match &page.after {
        Some(last) => found.iter().position(|entry| entry.code == last.key).ok_or(StoreError::BadCursor)? + 1,
        None => 0,
    };
    let total = page.count.then(|| i64::try_from(found.len()).unwrap_or(i64::MAX));
    let one_more = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
    let rows = found.into_iter().skip(start).take(one_more).collect();
    Ok(page.page(rows, total, |entry| (entry.code.to_owned(), Uuid::nil())))
}
