//! Query parameters: checked against what is published, like bodies; an unknown one is an error.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, RwLock},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::{Ready, ready};
use jsonschema::Validator;
use registrar_store::{Cursor, PageRequest, StoreError, feed::FeedCursor};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;
use utoipa::{
    IntoParams,
    openapi::{Required, path::ParameterIn},
};

use crate::{FieldError, Locale, Problem, ProblemKind, contract, locale::locale_of};

/// The parameters every list takes.
#[derive(serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParameters {
    /// Records per page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before. Belongs to one order.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
    /// The order: a documented name, with `-` in front for descending.
    #[param(max_length = 50)]
    pub sort: Option<String>,
    /// The fields wanted, separated by commas, or `*` for the full record. A summary when left out.
    #[param(max_length = 2000)]
    pub fields: Option<String>,
    /// Count all matching records; costs a scan.
    pub count: Option<bool>,
}

/// Parameters without the common ones of a list.
#[derive(serde::Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoFilter {}

/// The parameters of a list: the common ones and the resource's filter.
pub struct List<F> {
    parameters: ListParameters,
    /// What the resource filters by.
    pub filter: F,
}

impl<F> List<F> {
    /// The page asked for. `sorts` are the orders the resource offers, the first being the default.
    ///
    /// # Errors
    /// `bad_parameter` for another order, or a cursor of another order.
    pub fn page(&self, sorts: &[&'static str]) -> Result<PageRequest, Problem> {
        let asked = self.parameters.sort.as_deref().or(sorts.first().copied()).unwrap_or_default();
        let (name, descending) = asked.strip_prefix('-').map_or((asked, false), |name| (name, true));
        let sort = sorts.iter().copied().find(|sort| *sort == name).ok_or_else(|| bad("sort", "not_one_of", sorts.join(", ")))?;
        let first = PageRequest::first(self.parameters.limit.unwrap_or(50), sort);
        let mut request = PageRequest { descending, count: self.parameters.count.unwrap_or(false), ..first };
        if let Some(text) = &self.parameters.cursor {
            let cursor = Cursor::decode(text)?;
            if cursor.sort != request.order() {
                return Err(StoreError::BadCursor.into());
            }
            request.after = Some(cursor);
        }
        Ok(request)
    }

    /// The fields to show: `None` for all. `summary` is the default, `all` what there is.
    ///
    /// # Errors
    /// `bad_parameter` naming fields that do not exist.
    pub fn fields(&self, summary: &[&str], all: &[&str]) -> Result<Option<Vec<String>>, Problem> {
        match self.parameters.fields {
            None => Ok(Some(summary.iter().map(|name| (*name).to_owned()).collect())),
            Some(_) => self.fields_or_all(all),
        }
    }

    /// Whether the summary view is meant, which some resources read by itself.
    #[must_use]
    pub fn is_summary(&self) -> bool {
        self.parameters.fields.is_none()
    }

    /// The fields to show, without a summary view: `None` for all.
    ///
    /// # Errors
    /// `bad_parameter` naming fields that do not exist.
    pub fn fields_or_all(&self, all: &[&str]) -> Result<Option<Vec<String>>, Problem> {
        let Some(asked) = self.parameters.fields.as_deref().filter(|asked| asked.trim() != "*") else { return Ok(None) };
        let names: Vec<String> = asked.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| !all.contains(&name.as_str())) {
            Some(unknown) => Err(bad("fields", "unknown_field", format!("{unknown} is none of: {}", all.join(", ")))),
            None => Ok(Some(names)),
        }
    }
}

impl<F: IntoParams + DeserializeOwned + 'static> FromRequest for List<F> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_list(request.query_string(), locale_of(request)))
    }
}

impl<F: IntoParams + DeserializeOwned + 'static> List<F> {
    /// The parameters of a list's query string, as a request for it would have them.
    ///
    /// # Errors
    /// `bad_parameter` naming each.
    pub fn parse(query: &str, locale: Locale) -> Result<Self, Problem> {
        read_list(query, locale)
    }
}

fn read_list<F: IntoParams + DeserializeOwned + 'static>(query: &str, locale: Locale) -> Result<List<F>, Problem> {
    let common = Published::once::<ListParameters>(Parameters::of::<ListParameters>)?;
    let published = Published::once::<List<F>>(|| Parameters::of::<ListParameters>().and(Parameters::of::<F>()))?;
    let mut values = published.check(query, locale)?;
    let parameters: Map<String, Value> = common.schemas.keys().filter_map(|name| values.remove_entry(name)).collect();
    Ok(List { parameters: typed(Value::Object(parameters))?, filter: typed(Value::Object(values))? })
}

/// Parameters of a route that is not a list.
pub struct Query<T>(pub T);

impl<T: IntoParams + DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || typed(Value::Object(Published::once::<Self>(Parameters::of::<T>)?.check(request.query_string(), locale_of(request))?)).map(Query);
        ready(read())
    }
}

/// The parameters of a change feed.
#[derive(serde::Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedParameters {
    /// Where to go on: `next_cursor` of the page before; everything from the start when left out.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// Records per page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Where a caller reads a change feed from, and how much of it.
pub struct FeedQuery {
    /// The place; the start when absent.
    pub cursor: Option<FeedCursor>,
    /// Records at most.
    pub limit: i64,
}

impl FromRequest for FeedQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let published = Published::once::<Self>(Parameters::of::<FeedParameters>)?;
            let parameters: FeedParameters = typed(Value::Object(published.check(request.query_string(), locale_of(request))?))?;
            let cursor = parameters.cursor.as_deref().map(FeedCursor::decode).transpose()?;
            Ok(FeedQuery { cursor, limit: parameters.limit.unwrap_or(50) })
        };
        ready(read())
    }
}

/// What is published of query parameters.
struct Parameters {
    /// Their schemas by name.
    schemas: BTreeMap<String, Value>,
    /// The names of those that must be given.
    required: Vec<String>,
}

impl Parameters {
    fn of<P: IntoParams>() -> Self {
        let parameters = P::into_params(|| Some(ParameterIn::Query));
        let required = parameters.iter().filter(|parameter| matches!(parameter.required, Required::True)).map(|parameter| parameter.name.clone()).collect();
        Parameters { schemas: parameters.into_iter().map(|parameter| (parameter.name, json!(parameter.schema))).collect(), required }
    }

    fn and(mut self, other: Self) -> Self {
        self.schemas.extend(other.schemas);
        self.required.extend(other.required);
        self
    }
}

/// Query parameters, ready to check what is sent against them.
struct Published {
    schemas: BTreeMap<String, Value>,
    validator: Arc<Validator>,
}

static PUBLISHED: LazyLock<RwLock<HashMap<TypeId, Arc<Published>>>> = LazyLock::new(RwLock::default);

impl Published {
    /// Those of `R`, made once: schemas with their code lists take longer to write than a page to read.
    fn once<R: 'static>(parameters: impl FnOnce() -> Parameters) -> Result<Arc<Self>, Problem> {
        if let Some(known) = PUBLISHED.read().ok().and_then(|known| known.get(&TypeId::of::<R>()).cloned()) {
            return Ok(known);
        }
        let Parameters { schemas, required } = parameters();
        let validator = contract::validator_for(TypeId::of::<R>(), || json!({ "type": "object", "properties": schemas, "required": required }))?;
        let made = Arc::new(Published { schemas, validator });
        if let Ok(mut known) = PUBLISHED.write() {
            known.insert(TypeId::of::<R>(), made.clone());
        }
        Ok(made)
    }

    /// Reads a query string as an object of the types its schemas name, and checks it against them.
    fn check(&self, query: &str, locale: Locale) -> Result<Map<String, Value>, Problem> {
        let mut values = Map::new();
        let mut errors = Vec::new();
        for (name, text) in form(query)? {
            let Some(schema) = self.schemas.get(&name) else {
                let known: Vec<&str> = self.schemas.keys().map(String::as_str).collect();
                errors.push(FieldError { pointer: name, code: "unknown_parameter".into(), detail: format!("known: {}", known.join(", ")) });
                continue;
            };
            if values.insert(name.clone(), coerce(&text, schema)).is_some() {
                errors.push(FieldError { pointer: name, code: "repeated".into(), detail: "given twice".into() });
            }
        }
        let value = Value::Object(values);
        let found = contract::errors(&self.validator, &value, locale);
        errors.extend(found.into_iter().map(|error| FieldError { pointer: error.pointer.trim_start_matches('/').to_owned(), ..error }));
        match (errors.is_empty(), value) {
            (true, Value::Object(values)) => Ok(values),
            _ => Err(Problem::new(ProblemKind::BadParameter).errors(errors)),
        }
    }
}

/// The pairs of a query string, decoded, in NFC.
fn form(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs =
        actix_web::web::Query::<Vec<(String, String)>>::from_query(query).map_err(|_| Problem::new(ProblemKind::BadParameter).detail("the query cannot be read"))?.into_inner();
    // Decoding puts a replacement character where there was no UTF-8.
    let unfit = |text: &str| text.contains(['\0', char::REPLACEMENT_CHARACTER]);
    if pairs.len() > 100 || pairs.iter().any(|(name, text)| unfit(name) || unfit(text)) {
        return Err(Problem::new(ProblemKind::BadParameter).detail("too many parameters, a NUL character, or what is not UTF-8"));
    }
    Ok(pairs.into_iter().map(|(name, text)| (name, text.nfc().collect())).collect())
}

/// The text as the type its schema names, or as text when it is none of it.
pub(crate) fn coerce(text: &str, schema: &Value) -> Value {
    let kind = schema.get("type");
    let is = |name: &str| match kind {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    };
    let number = || text.parse::<i64>().ok().map(Value::from);
    let boolean = || text.parse::<bool>().ok().map(Value::from);
    if is("integer") {
        number()
    } else if is("boolean") {
        boolean()
    } else {
        None
    }
    .unwrap_or_else(|| Value::from(text))
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    // Where it fails is looked for only then: to follow the path costs as much as to read.
    T::deserialize(&value).or_else(|_| serde_path_to_error::deserialize(value)).map_err(|error| bad(&error.path().to_string(), "invalid", error.inner().to_string()))
}

fn bad(parameter: &str, code: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::BadParameter).errors(vec![FieldError { pointer: parameter.into(), code: code.into(), detail: detail.into() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, IntoParams)]
    #[serde(deny_unknown_fields)]
    #[into_params(parameter_in = Query)]
    struct Filter {
        #[param(max_length = 5)]
        q: Option<String>,
        grade: Option<i32>,
    }

    fn read(query: &str) -> Result<List<Filter>, Problem> {
        List::parse(query, Locale::En)
    }

    #[test]
    fn parameters_are_typed_by_what_is_published() {
        let list = read("q=An&grade=5&limit=10&count=true&sort=-name").unwrap();
        assert_eq!((list.filter.q.as_deref(), list.filter.grade), (Some("An"), Some(5)));
        let page = list.page(&["code", "name"]).unwrap();
        assert_eq!((page.limit, page.sort, page.descending, page.count), (10, "name", true, true));
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let problem = read("q=toolong&grade=x&limit=201&nope=1&limit=2").err().unwrap();
        let mut pointers: Vec<&str> = problem.field_errors().iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        pointers.dedup();
        assert_eq!(pointers, ["grade", "limit", "nope", "q"]);
        assert_eq!(problem.kind(), ProblemKind::BadParameter);
    }

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let cursor = Cursor { sort: "name".into(), key: "a".into(), id: uuid::Uuid::nil() }.encode();
        assert!(read(&format!("cursor={cursor}&sort=name")).unwrap().page(&["name", "code"]).is_ok());
        assert!(read(&format!("cursor={cursor}&sort=-name")).unwrap().page(&["name", "code"]).is_err());
        assert!(read("sort=shoe_size").unwrap().page(&["name"]).is_err());
    }
}
