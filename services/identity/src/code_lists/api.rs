//! The routes of code lists: response bodies, handlers.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, get, web::Json};
use chrono::NaiveDate;
use registrar_codes::{Entry, Version};
use registrar_domain::Names;
use registrar_http::{
    Caller, FieldError, List, Listing, Locale, Problem, ProblemKind, Refusals, ServiceContext,
    answer::Listed,
    list::{ListParameters, NoFilter, Query},
    locale::locale_of,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::pages::{self, EntryFilter};

/// What something is called; null where the source has no name in a language.
#[derive(Serialize, ToSchema)]
pub struct CodeNames {
    /// In Vietnamese.
    pub vi: Option<&'static str>,
    /// In English.
    pub en: Option<&'static str>,
    /// In Chinese.
    pub zh: Option<&'static str>,
}

impl From<Names<'static>> for CodeNames {
    fn from(Names(names): Names<'static>) -> Self {
        let [vi, en, zh] = names.map(|name| Some(name).filter(|name| !name.is_empty()));
        CodeNames { vi, en, zh }
    }
}

/// A code list (danh mục, 代码表).
#[derive(Serialize, ToSchema)]
pub struct CodeList {
    /// Its name in values and addresses.
    #[schema(example = "vn-ethnic")]
    pub scheme: &'static str,
    /// What it is called, in the caller's language where there is a name in it.
    pub name: &'static str,
    /// What it is called.
    pub names: CodeNames,
    /// Whether an authority issued it; the others are Registrar's own.
    pub official: bool,
    /// Its versions, the newest last.
    #[schema(max_items = 100)]
    pub versions: Vec<CodeListVersion>,
}

/// A version of a code list.
#[derive(Serialize, ToSchema)]
pub struct CodeListVersion {
    /// Its name in values.
    #[schema(example = "2008")]
    pub version: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The first day it holds; null when that is not known.
    pub valid_from: Option<NaiveDate>,
    /// The last day it holds; null while it lasts.
    pub valid_to: Option<NaiveDate>,
    /// Whether it is the one that holds today. Codes of other versions remain good for what was recorded with them.
    pub current: bool,
    /// The number of its codes.
    pub codes: usize,
}

impl CodeList {
    fn new(built_in: &'static registrar_codes::CodeList, today: NaiveDate, locale: Locale) -> Self {
        let current = built_in.current(today).version;
        let version = |version: &'static Version| CodeListVersion {
            version: version.version,
            source: version.source,
            valid_from: version.valid_from,
            valid_to: version.valid_to,
            current: version.version == current,
            codes: version.entries().len(),
        };
        CodeList {
            scheme: built_in.scheme,
            name: built_in.names.pick(locale),
            names: built_in.names.into(),
            official: built_in.official,
            versions: built_in.versions().map(version).collect(),
        }
    }
}

/// A code and what it means.
#[derive(Serialize, ToSchema)]
pub struct CodeListEntry {
    /// The code, opaque text; it means nothing without its list and version.
    #[schema(example = "01")]
    pub code: &'static str,
    /// What fields hold: `scheme/version/code`.
    #[schema(example = "vn-ethnic/2008/01")]
    pub value: String,
    /// What it means, in the caller's language where there is a name in it.
    pub name: &'static str,
    /// What it means.
    pub names: CodeNames,
    /// Other names it is known by.
    #[schema(max_items = 20)]
    pub also: Vec<&'static str>,
    /// The code above it, in a list that is a tree (S4-109).
    pub parent: Option<&'static str>,
    /// Whether codes stand below it.
    pub has_children: bool,
    /// The first day it holds; null when that is not known.
    pub valid_from: Option<NaiveDate>,
    /// The last day it holds; null while it lasts.
    pub valid_to: Option<NaiveDate>,
    /// What became of it in the list's next version: several values when it was divided, none when it was dropped.
    #[schema(max_items = 100)]
    pub successors: Vec<String>,
    /// What it was in the version before: several values when they were merged.
    #[schema(max_items = 100)]
    pub predecessors: Vec<String>,
    /// What more the list says of it.
    pub attributes: BTreeMap<&'static str, &'static str>,
}

const FIELDS: [&str; 12] = ["code", "value", "name", "names", "also", "parent", "has_children", "valid_from", "valid_to", "successors", "predecessors", "attributes"];

impl CodeListEntry {
    fn new(version: &Version, entry: &'static Entry, locale: Locale) -> Self {
        CodeListEntry {
            code: entry.code,
            value: entry.value(),
            name: entry.names.pick(locale),
            names: entry.names.into(),
            also: entry.also.clone(),
            parent: entry.parent,
            has_children: version.children(Some(entry.code)).next().is_some(),
            valid_from: entry.valid_from.or(version.valid_from),
            valid_to: entry.valid_to.or(version.valid_to),
            successors: entry.successors().map(Entry::value).collect(),
            predecessors: entry.predecessors().map(Entry::value).collect(),
            attributes: entry.attributes().iter().copied().collect(),
        }
    }
}

/// Which version of a list is meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// The version; the one that holds on the day `on` when left out.
    #[param(max_length = 50)]
    version: Option<String>,
    /// The day; today when left out. Not together with `version`.
    on: Option<NaiveDate>,
}

/// Which codes of a list are meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CodeQuery {
    /// The version; the one that holds on the day `on` when left out.
    #[param(max_length = 50)]
    version: Option<String>,
    /// The day; today when left out. Not together with `version`.
    on: Option<NaiveDate>,
    /// Only the codes directly below this one; empty or `root` for those at the top of the tree.
    #[param(max_length = 50)]
    parent: Option<String>,
    /// Words of the code or its names in any language; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
}

fn bad(parameter: &str, reason: &str, detail: String) -> Problem {
    Problem::new(ProblemKind::BadParameter).errors(vec![FieldError { pointer: parameter.into(), code: reason.into(), detail }])
}

fn named(request: &HttpRequest) -> Result<&'static registrar_codes::CodeList, Problem> {
    let scheme = request.match_info().get("scheme").unwrap_or_default();
    registrar_codes::list(scheme).ok_or_else(|| Problem::new(ProblemKind::NotFound))
}

fn version(built_in: &'static registrar_codes::CodeList, asked: Option<&str>, on: Option<NaiveDate>, today: NaiveDate) -> Result<&'static Version, Problem> {
    let Some(asked) = asked else { return Ok(built_in.current(on.unwrap_or(today))) };
    if on.is_some() {
        return Err(bad("on", "excluded", "either version or on".into()));
    }
    built_in.version(asked).ok_or_else(|| bad("version", "unknown_version", built_in.versions().map(|known| known.version).collect::<Vec<_>>().join(", ")))
}

/// List code lists
///
/// Every built-in list with its versions; the same for all tenants.
#[utoipa::path(
    operation_id = "identity.code_lists.list", tag = "code-lists",
    responses((status = 200, description = "All code lists", body = Listed<CodeList>), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("")]
pub async fn list(_: ServiceContext, caller: Caller, request: HttpRequest, _: Query<NoFilter>) -> Result<Listing, Problem> {
    let locale = locale_of(&request);
    Listing::whole(registrar_codes::lists().iter().map(|list| CodeList::new(list, caller.today, locale)).collect())
}

/// Read a code list
///
/// Its names and versions; its codes are below it.
#[utoipa::path(
    operation_id = "identity.code_lists.read", tag = "code-lists", params(("scheme" = String, Path, description = "The list", example = "vn-ethnic")),
    responses((status = 200, description = "The list", body = CodeList), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{scheme}")]
pub async fn read(_: ServiceContext, caller: Caller, request: HttpRequest, _: Query<NoFilter>) -> Result<Json<CodeList>, Problem> {
    Ok(Json(CodeList::new(named(&request)?, caller.today, locale_of(&request))))
}

/// List the codes of a code list
///
/// For pickers (S4-024) and trees (S4-109): `parent` opens a tree level by level, `q` searches all of it. In the list's
/// own order, `sort=listed`.
#[utoipa::path(
    operation_id = "identity.code_lists.codes", tag = "code-lists",
    params(("scheme" = String, Path, description = "The list", example = "vn-ethnic"), ListParameters, CodeQuery),
    responses((status = 200, description = "A page of codes", body = Listed<CodeListEntry>), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{scheme}/codes")]
pub async fn codes(_: ServiceContext, caller: Caller, request: HttpRequest, asked: List<CodeQuery>) -> Result<Listing, Problem> {
    let (page, fields, filter) = (asked.page(&["listed"])?, asked.fields(&FIELDS, &FIELDS)?, &asked.filter);
    let version = version(named(&request)?, filter.version.as_deref(), filter.on, caller.today)?;
    let below = filter.parent.as_deref().map(|parent| Some(parent).filter(|parent| !["", "root"].contains(parent)));
    if let Some(parent) = below.flatten().filter(|parent| version.entry(parent).is_none()) {
        return Err(bad("parent", "unknown_code", format!("{}/{} has no code {parent}", version.scheme, version.version)));
    }
    let found = pages::page(version, &EntryFilter { below, words: filter.q.as_deref() }, &page)?;
    let locale = locale_of(&request);
    Listing::of(found.map(|entry| CodeListEntry::new(version, entry, locale)), fields.as_deref())
}

/// Read a code
///
/// What it means, what it was before and what became of it.
#[utoipa::path(
    operation_id = "identity.code_lists.code", tag = "code-lists",
    params(
        ("scheme" = String, Path, description = "The list", example = "vn-ethnic"),
        ("code" = String, Path, description = "The code", example = "01"),
        VersionQuery
    ),
    responses((status = 200, description = "The code", body = CodeListEntry), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{scheme}/codes/{code}")]
pub async fn code(_: ServiceContext, caller: Caller, request: HttpRequest, query: Query<VersionQuery>) -> Result<Json<CodeListEntry>, Problem> {
    let version = version(named(&request)?, query.0.version.as_deref(), query.0.on, caller.today)?;
    let code = request.match_info().get("code").unwrap_or_default();
    let entry = version.entry(code).ok_or_else(|| Problem::new(ProblemKind::NotFound))?;
    Ok(Json(CodeListEntry::new(version, entry, locale_of(&request))))
}
