//! Keyset pages: a cursor names the last row seen by its sort key and id, so that rows inserted or removed
//! beside it neither repeat nor hide others, and the last page costs what the first does.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{Condition, Cut, StoreError, StoreResult};

/// Page sizes that are asked for all the time: each is a statement of its own where it is written out, and a connection
/// keeps them all.
const USUAL: [i64; 3] = [50, 100, 200];

/// The place after which a page starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The sort order it belongs to; a cursor of another order is refused.
    pub sort: String,
    /// The last row's sort key, as text.
    pub key: String,
    /// The last row's id, which breaks ties.
    pub id: Uuid,
}

impl Cursor {
    /// The opaque text handed to callers.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::json!([self.sort, self.key, self.id]).to_string())
    }

    /// Reads what [`Cursor::encode`] wrote.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] for anything else, and for a key with NUL, which no text in PostgreSQL has.
    pub fn decode(text: &str) -> StoreResult<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
        let (sort, key, id): (String, String, Uuid) = serde_json::from_slice(&bytes).map_err(|_| StoreError::BadCursor)?;
        if key.contains('\0') { Err(StoreError::BadCursor) } else { Ok(Cursor { sort, key, id }) }
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Rows at most, 1..=200.
    pub limit: i64,
    /// Where to go on; the first page when absent.
    pub after: Option<Cursor>,
    /// The sort order's name, one the resource documents.
    pub sort: &'static str,
    /// Descending instead of ascending.
    pub descending: bool,
    /// Whether to count all matching rows, which costs a scan.
    pub count: bool,
    /// Whether one plan serves every page of the list; only a store knows: [`PageRequest::steady_if`].
    pub steady: bool,
}

impl PageRequest {
    /// The first page of a list.
    #[must_use]
    pub fn first(limit: i64, sort: &'static str) -> Self {
        PageRequest { limit, after: None, sort, descending: false, count: false, steady: false }
    }

    /// The same page, of a list of which nearly every row met in the order of an index is shown: PostgreSQL plans its
    /// statement once. By itself it plans anew each time, which takes longer than reading the page, since it takes a tenth of
    /// the rows for what a bound limit may be, and sees in the cursor how many are left. It must, where a filter may match a
    /// few rows or most: the plan that is best for one is bad for the other.
    #[must_use]
    pub fn steady_if(&self, steady: bool) -> Self {
        PageRequest { steady: steady && USUAL.contains(&self.limit), ..self.clone() }
    }

    /// The first rows of `query`, which starts where the page does: those of the page and one more.
    pub fn cut<Q>(&self, query: Q) -> Cut<Q> {
        Cut { query, limit: self.limit + 1, written_out: self.steady }
    }

    /// A bound value, out of the planner's sight where one plan serves all.
    fn hidden(&self, condition: Condition, bind: impl FnOnce(Condition) -> Condition) -> Condition {
        if self.steady { bind(condition.and_sql("(select ")).and_sql(")") } else { bind(condition) }
    }

    /// How the sort order is named in cursors: `-` in front when descending.
    #[must_use]
    pub fn order(&self) -> String {
        if self.descending { format!("-{}", self.sort) } else { self.sort.to_owned() }
    }

    /// The condition that a row comes after the cursor, by `column` (text, the sort key) and `id`; both are names of the program's own.
    #[must_use]
    pub fn keyset(&self, column: &str, id: &str) -> Option<Condition> {
        let cursor = self.after.as_ref()?;
        let order = if self.descending { "<" } else { ">" };
        let condition = self.hidden(Condition::sql(format!("({column}, {id}) {order} (")), |condition| condition.text(cursor.key.clone()));
        Some(self.hidden(condition.and_sql(", "), |condition| condition.uuid(cursor.id)).and_sql(")"))
    }

    /// The same by a `column` that no two rows of a list have in common: then nothing has to be sorted by id too.
    #[must_use]
    pub fn keyset_of_unique(&self, column: &str) -> Option<Condition> {
        let cursor = self.after.as_ref()?;
        let order = if self.descending { "<" } else { ">" };
        Some(self.hidden(Condition::sql(format!("{column} {order} ")), |condition| condition.text(cursor.key.clone())))
    }

    /// Makes a page of `rows`, of which one more than `limit` was asked for.
    pub fn page<T>(&self, mut rows: Vec<T>, total: Option<i64>, key: impl Fn(&T) -> (String, Uuid)) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| {
            let (key, id) = key(last);
            Cursor { sort: self.order(), key, id }
        });
        Page { items: rows, next, total }
    }
}

impl<T> Page<T> {
    /// The page with each row made into something else.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next: self.next, total: self.total }
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows, in the asked order.
    pub items: Vec<T>,
    /// Where the next page starts; none at the end.
    pub next: Option<Cursor>,
    /// All matching rows, when asked for.
    pub total: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip_and_nothing_else_is_one() {
        let cursor = Cursor { sort: "-name".into(), key: "Nguyễn \"An\"".into(), id: Uuid::from_u128(7) };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        let nul = Cursor { key: "a\0b".into(), ..cursor }.encode();
        for text in ["", "x", "%%%", "W10", "eyJhIjoxfQ", &nul] {
            assert!(matches!(Cursor::decode(text), Err(StoreError::BadCursor)), "{text}");
        }
    }

    #[test]
    fn the_row_too_many_only_says_that_there_is_more() {
        let request = PageRequest::first(2, "name");
        let key = |n: &u128| (n.to_string(), Uuid::from_u128(*n));
        assert_eq!(request.page(vec![1, 2, 3], None, key).next.unwrap().key, "2");
        assert!(request.page(vec![1, 2], None, key).next.is_none());
    }

    #[test]
    fn a_steady_page_hides_from_the_planner_where_it_starts() {
        let after = Some(Cursor { sort: "name".into(), key: "An".into(), id: Uuid::from_u128(7) });
        let page = PageRequest { after, ..PageRequest::first(50, "name") };
        let sql = |page: &PageRequest| diesel::debug_query::<diesel::pg::Pg, _>(&page.cut(page.keyset("n", "id").unwrap())).to_string();
        assert_eq!(sql(&page).split(" -- ").next(), Some("(n, id) > ($1, $2) LIMIT $3"));
        assert_eq!(sql(&page.steady_if(true)).split(" -- ").next(), Some("(n, id) > ((select $1), (select $2)) LIMIT 51"));
        let unusual = PageRequest { limit: 49, ..page };
        assert_eq!(sql(&unusual.steady_if(true)), sql(&unusual), "each size would be a statement that connections keep");
    }
}
