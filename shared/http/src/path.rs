//! Ids in paths.

use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::{Ready, ready};
use uuid::Uuid;

use crate::{Problem, ProblemKind};

/// The first id in the path, typed as the resource wants it. What is not an id names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub struct Id<T = Uuid>(pub T);

impl<T> Deref for Id<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: From<Uuid>> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().iter().find_map(|(_, value)| Uuid::try_parse(value).ok());
        ready(id.map(|id| Id(T::from(id))).ok_or_else(|| Problem::new(ProblemKind::NotFound)))
    }
}
