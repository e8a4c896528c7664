//! The first rows of a query.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::BigInt,
};

/// A query with a limit at its end: [`crate::PageRequest::cut`].
#[derive(Debug, Clone, Copy)]
pub struct Cut<Q> {
    pub(crate) query: Q,
    pub(crate) limit: i64,
    /// As a number in the statement's text, instead of bound.
    pub(crate) written_out: bool,
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Cut<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(pass.reborrow())?;
        pass.push_sql(" LIMIT ");
        if self.written_out {
            pass.push_sql(&self.limit.to_string());
            Ok(())
        } else {
            pass.push_bind_param::<BigInt, _>(&self.limit)
        }
    }

    /// A list has a statement for each set of filters, and there are few: each is kept.
    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Cut<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Cut<Q> {
    type SqlType = Q::SqlType;
}
