//! The published contract as each thread shows it.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpResponse, Route,
    web::{self, Bytes},
};

use crate::{
    Problem, ProblemKind,
    deprecation::Deprecations,
    methods::{FixedPaths, paths},
    openapi::{self, Contract},
    server::{Mounted, contract, routes},
};

/// A contract as texts.
pub(crate) struct Texts {
    pub(crate) yaml: Bytes,
    pub(crate) json: Bytes,
}

/// What is made of the contract once, and shown by every thread.
#[derive(Clone)]
pub(crate) struct Shown {
    /// Takes megabytes to make, and most processes are never asked for it.
    texts: web::Data<LazyLock<Texts, Box<dyn FnOnce() -> Texts + Send>>>,
    pub(crate) methods: Arc<Vec<(String, String)>>,
    pub(crate) deprecations: web::Data<Deprecations>,
    pub(crate) fixed: web::Data<FixedPaths>,
}

impl Shown {
    pub(crate) fn of(mounted: &[Mounted], whole: Option<fn() -> Contract>) -> Self {
        let own = serde_json::to_value(routes(mounted)).unwrap_or_else(|error| {
            tracing::error!(%error, "what methods a path takes cannot be told");
            Contract::Null
        });
        let mounted = mounted.to_vec();
        let texts = move || {
            let document = whole.map_or_else(|| contract(&mounted), |whole| whole());
            Texts { yaml: openapi::yaml(&document).unwrap_or_default().into(), json: document.to_string().into() }
        };
        Shown {
            texts: web::Data::new(LazyLock::new(Box::new(texts))),
            methods: Arc::new(paths(&own).map(|(path, methods)| (path.to_owned(), methods)).collect()),
            deprecations: web::Data::new(Deprecations::of(&own)),
            fixed: web::Data::new(FixedPaths::of(&own)),
        }
    }

    /// Answers one of the texts.
    pub(crate) fn text(&self, kind: &'static str, of: fn(&Texts) -> &Bytes) -> Route {
        let texts = self.texts.clone();
        web::get().to(move || {
            let texts = texts.clone();
            async move {
                let text = web::block(move || of(&texts).clone()).await.map_err(|_| Problem::new(ProblemKind::Internal))?;
                Ok::<_, Problem>(HttpResponse::Ok().content_type(kind).body(text))
            }
        })
    }
}
