//! Pieces of SQL with bound values: authority, change feeds, searches.

use std::{marker::PhantomData, sync::Arc};

use chrono::NaiveDate;
use diesel::{
    AppearsOnTable, Expression, SelectableExpression,
    expression::{TypedExpressionType, ValidGrouping, is_aggregate},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Bool, Date, SqlType, Text, Uuid as SqlUuid},
};
use registrar_domain::text::search_key;
use uuid::Uuid;

/// A boolean SQL expression with bound values, usable in a filter or a selection of any query.
/// Its text comes from the program only; what callers send is always bound.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Sql(String),
    Uuid(Uuid),
    Date(NaiveDate),
    BigInt(i64),
    Text(String),
    Texts(Vec<&'static str>),
    Uuids(Arc<Vec<Uuid>>),
}

impl Condition {
    /// Starts with this text.
    #[must_use]
    pub fn sql(text: impl Into<String>) -> Self {
        Condition::default().and_sql(text)
    }

    /// Goes on with this text.
    #[must_use]
    pub fn and_sql(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Sql(text.into()));
        self
    }

    /// Binds an id.
    #[must_use]
    pub fn uuid(mut self, value: Uuid) -> Self {
        self.parts.push(Part::Uuid(value));
        self
    }

    /// Binds a date.
    #[must_use]
    pub fn date(mut self, value: NaiveDate) -> Self {
        self.parts.push(Part::Date(value));
        self
    }

    /// Binds a number.
    #[must_use]
    pub fn bigint(mut self, value: i64) -> Self {
        self.parts.push(Part::BigInt(value));
        self
    }

    /// Binds a text.
    #[must_use]
    pub fn text(mut self, value: impl Into<String>) -> Self {
        self.parts.push(Part::Text(value.into()));
        self
    }

    /// Binds an array of texts of the program's own, such as role names.
    #[must_use]
    pub fn texts(mut self, values: Vec<&'static str>) -> Self {
        self.parts.push(Part::Texts(values));
        self
    }

    /// Binds an array of ids.
    #[must_use]
    pub fn uuids(mut self, values: Arc<Vec<Uuid>>) -> Self {
        self.parts.push(Part::Uuids(values));
        self
    }

    /// An empty condition holds.
    fn or_true(self) -> Self {
        if self.parts.is_empty() { Condition::sql("true") } else { self }
    }

    /// Goes on with another condition's text.
    #[must_use]
    pub fn followed_by(mut self, other: Condition) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// This or that.
    #[must_use]
    pub fn or(self, other: Condition) -> Self {
        let mut parts = vec![Part::Sql("(".into())];
        parts.extend(self.parts);
        parts.push(Part::Sql(" or ".into()));
        parts.extend(other.parts);
        parts.push(Part::Sql(")".into()));
        Condition { parts }
    }
}

/// The condition that `column`, a search key, contains every word of `text`, however accented.
#[must_use]
pub fn contains_words(column: &str, text: &str) -> Condition {
    let key = search_key(text);
    let words = key.split_whitespace().take(10);
    words
        .enumerate()
        .fold(Condition::default(), |condition, (index, word)| {
            let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let and = if index == 0 { "" } else { " and " };
            condition.and_sql(format!("{and}{column} like ")).text(format!("%{escaped}%"))
        })
        .or_true()
}

/// The condition that the record's unit is `unit` or below it in a hierarchy on a date. `column` holds the unit's id.
#[must_use]
pub fn within(column: &str, unit: Uuid, hierarchy: &'static str, on: NaiveDate) -> Condition {
    Condition::sql(format!("exists (select 1 from unit_ancestors w where w.unit_id = {column} and w.hierarchy = '{hierarchy}' and w.ancestor_id = "))
        .uuid(unit)
        .and_sql(" and ")
        .date(on)
        .and_sql(" between w.valid_from and w.valid_to)")
}

/// An SQL expression of another type than [`Condition`], written like one. Unlike diesel's own literals it leaves the
/// statement prepared.
#[derive(Clone, Debug)]
pub struct Computed<T> {
    sql: Condition,
    sql_type: PhantomData<T>,
}

impl<T> From<Condition> for Computed<T> {
    fn from(sql: Condition) -> Self {
        Computed { sql, sql_type: PhantomData }
    }
}

impl<T> Computed<T> {
    /// An expression with this text, which comes from the program only.
    #[must_use]
    pub fn sql(text: impl Into<String>) -> Self {
        Condition::sql(text).into()
    }
}

impl<T> QueryFragment<Pg> for Computed<T> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.sql.walk_ast(pass)
    }
}

impl<T> QueryId for Computed<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T: SqlType + TypedExpressionType> Expression for Computed<T> {
    type SqlType = T;
}
impl<T, Source> AppearsOnTable<Source> for Computed<T> where Computed<T>: Expression {}
impl<T, Source> SelectableExpression<Source> for Computed<T> where Computed<T>: Expression {}
impl<T> ValidGrouping<()> for Computed<T> {
    type IsAggregate = is_aggregate::No;
}

impl QueryFragment<Pg> for Condition {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for part in &self.parts {
            match part {
                Part::Sql(text) => pass.push_sql(text),
                Part::Uuid(value) => pass.push_bind_param::<SqlUuid, _>(value)?,
                Part::Date(value) => pass.push_bind_param::<Date, _>(value)?,
                Part::BigInt(value) => pass.push_bind_param::<BigInt, _>(value)?,
                Part::Text(value) => pass.push_bind_param::<Text, _>(value)?,
                Part::Texts(values) => pass.push_bind_param::<Array<Text>, _>(values)?,
                Part::Uuids(values) => pass.push_bind_param::<Array<SqlUuid>, _>(values.as_ref())?,
            }
        }
        Ok(())
    }
}

impl QueryId for Condition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Condition {
    type SqlType = Bool;
}
impl<Source> AppearsOnTable<Source> for Condition {}
impl<Source> SelectableExpression<Source> for Condition {}
impl ValidGrouping<()> for Condition {
    type IsAggregate = is_aggregate::No;
}
