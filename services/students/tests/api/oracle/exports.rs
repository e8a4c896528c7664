//! Exports of some accounts: exactly the rows and columns of the list.

use std::sync::Arc;

use registrar_access::Action;
use registrar_domain::Locale;
use registrar_spreadsheets::{FileError, Limits, open};
use registrar_students::students::columns::{COLUMNS, SENSITIVE};
use serde_json::{Map, Value, json};

use super::{
    compare::{Oracle, sorted},
    filter::Filter,
    school::Student,
    viewer::Viewer,
    world::{
        Dice,
        reader::{self, Query},
    },
};

/// Accounts that see somebody by a grant, and accounts without a role for students, teachers among them.
const ACCOUNTS: [usize; 2] = [13, 2];

pub async fn some_accounts(oracle: &Arc<Oracle>) {
    let mut dice = Dice::new(!oracle.seed);
    let with_role = |number: &usize| oracle.viewer(*number).has_role_for(Action::StudentsRead);
    let (with, without): (Vec<usize>, Vec<usize>) = (0..oracle.clients.len()).partition(with_role);
    let seeing: Vec<usize> = with.into_iter().filter(|number| !oracle.seen_by(&oracle.viewer(*number)).is_empty()).collect();
    let chosen = [dice.some(&seeing, ACCOUNTS[0]), dice.some(&without, ACCOUNTS[1])].concat();
    let shared = oracle.clone();
    let check = move |place: usize| {
        let (oracle, number) = (shared.clone(), chosen[place]);
        async move {
            let dice = &mut Dice::new(oracle.seed.wrapping_mul(31) ^ u64::try_from(number).unwrap());
            // Everything, then a part.
            compare(&oracle, number, dice, &[], None).await;
            let seen = oracle.seen_by(&oracle.viewer(number));
            let like = if seen.is_empty() { &dice.pick(&oracle.school.students) } else { dice.pick(&seen) };
            let filters = Filter::some_like(dice, &oracle.authority, like);
            compare(&oracle, number, dice, &filters, Some(&["personal_number", "phone", "personal"])).await;
        }
    };
    reader::each(ACCOUNTS.iter().sum(), check).await;
}

async fn compare(oracle: &Oracle, number: usize, dice: &mut Dice, filters: &[Filter], fields: Option<&[&str]>) {
    let viewer = oracle.viewer(number);
    let sort = dice.pick(&["name", "-code"]);
    let mut query: Query = filters.iter().flat_map(|filter| filter.parameters(&oracle.authority, &oracle.school)).collect();
    query.push(("sort", sort.to_owned()));
    query.extend(fields.map(|fields| ("fields", fields.join(","))));
    let sensitive_too = viewer.has_role_for(Action::StudentsReadSensitive);
    for sensitive in [false, true].into_iter().filter(|sensitive| !sensitive || sensitive_too) {
        let asked = format!("an export of {query:?}, sensitive: {sensitive}, {}", oracle.who(viewer.account));
        match reader::export(&oracle.clients[number], "/v1/students", &query, sensitive).await {
            Ok(file) => {
                let expected = sorted(expected(oracle, &viewer, filters, sensitive), sort);
                assert_eq!(reader::header(&file), columns(fields, sensitive), "{asked}");
                let class = |student: &Student| oracle.latest_class(student).filter(|_| fields.is_none());
                let expected: Vec<_> = expected.into_iter().map(|student| row(oracle, student, sensitive, class(student))).collect();
                assert_eq!(rows(&file), expected, "{asked}");
            }
            // What follows from a class is no right to export.
            Err(status) => assert_eq!((status, viewer.has_role_for(Action::StudentsRead)), (403, false), "{asked}"),
        }
        oracle.tally.add("exports", 1);
    }
}

/// The students of the list; with sensitive fields those only whose sensitive fields the account may see.
fn expected<'a>(oracle: &'a Oracle, viewer: &Viewer, filters: &[Filter], sensitive: bool) -> Vec<&'a Student> {
    let may = |student: &&Student| !sensitive || viewer.may(Action::StudentsReadSensitive, viewer.standing(student));
    let kept = |student: &&Student| filters.iter().all(|filter| filter.keeps(&oracle.authority, student));
    oracle.seen_by(viewer).into_iter().filter(kept).filter(may).collect()
}

/// Those that every file has and those that were asked for, by themselves or by their group.
fn columns(fields: Option<&[&str]>, sensitive: bool) -> Vec<String> {
    let asked = |field: &str| fields.is_none_or(|fields| fields.iter().any(|asked| field == *asked || field.starts_with(&format!("{asked}."))));
    let shown = COLUMNS.iter().filter(|column| (column.required || asked(&column.field)) && (sensitive || !SENSITIVE.contains(&column.field.as_str())));
    shown.map(|column| column.names.pick(Locale::En).to_owned()).collect()
}

/// The cells that tell who is in a row.
const CELLS: [&str; 5] = ["code", "full_name", "unit_code", "personal_number", "class_name"];

fn row(oracle: &Oracle, student: &Student, sensitive: bool, class: Option<String>) -> Vec<Value> {
    let number = student.number.as_ref().filter(|_| sensitive);
    vec![json!(student.code), json!(student.name), json!(oracle.authority.units[student.unit].code), json!(number), json!(class)]
}

fn rows(file: &[u8]) -> Vec<Vec<Value>> {
    let mut file = match open(file, &COLUMNS, &Limits::default()) {
        Err(FileError::NoRows) => return Vec::new(),
        opened => opened.unwrap(),
    };
    let mut rows = Vec::new();
    while let Some(sheet) = file.next_sheet().unwrap() {
        rows.extend(sheet.map(|row| cells(&row.unwrap().cells)));
    }
    rows
}

fn cells(row: &Map<String, Value>) -> Vec<Value> {
    CELLS.iter().map(|field| row.get(*field).cloned().unwrap_or_default()).collect()
}
