//! Exports of some accounts: exactly the rows and columns of the list.

use std::sync::Arc;

use registrar_access::Action;
use registrar_domain::Locale;
use registrar_personnel::staff::columns::{COLUMNS, SENSITIVE};
use registrar_spreadsheets::{FileError, Limits, open};
use serde_json::{Map, Value, json};

use super::{
    compare::{Oracle, sorted},
    filter::Filter,
    people::Person,
    world::{
        Account, Dice,
        reader::{self, Query},
    },
};

/// Accounts that see somebody, and accounts that may not see staff at all.
const ACCOUNTS: [usize; 2] = [13, 2];

pub async fn some_accounts(oracle: &Arc<Oracle>) {
    let mut dice = Dice::new(!oracle.seed);
    let numbers: Vec<usize> = (0..oracle.clients.len()).collect();
    let seeing = |number: &usize| oracle.people.iter().any(|person| person.is_seen_by(&oracle.authority, &oracle.authority.accounts[*number]));
    let refused = |number: &usize| !oracle.reads(&oracle.authority.accounts[*number]);
    let mut chosen = dice.some(&numbers.iter().copied().filter(seeing).collect::<Vec<_>>(), ACCOUNTS[0]);
    chosen.extend(dice.some(&numbers.iter().copied().filter(refused).collect::<Vec<_>>(), ACCOUNTS[1]));
    let shared = oracle.clone();
    let check = move |place: usize| {
        let (oracle, number) = (shared.clone(), chosen[place]);
        async move {
            let dice = &mut Dice::new(oracle.seed.wrapping_mul(31) ^ u64::try_from(number).unwrap());
            // Everything, then a part.
            compare(&oracle, number, dice, &[], None).await;
            let seen = oracle.seen_by(&oracle.authority.accounts[number]);
            let like = if seen.is_empty() { &dice.pick(&oracle.people) } else { dice.pick(&seen) };
            let filters = Filter::some_like(dice, &oracle.authority, like);
            compare(&oracle, number, dice, &filters, Some(&["personal_number", "phone", "personal"])).await;
        }
    };
    reader::each(ACCOUNTS.iter().sum(), check).await;
}

async fn compare(oracle: &Oracle, number: usize, dice: &mut Dice, filters: &[Filter], fields: Option<&[&str]>) {
    let account = &oracle.authority.accounts[number];
    let sort = dice.pick(&["name", "-code"]);
    let mut query: Query = filters.iter().flat_map(|filter| filter.parameters(&oracle.authority)).collect();
    query.push(("sort", sort.to_owned()));
    query.extend(fields.map(|fields| ("fields", fields.join(","))));
    let sensitive_too = oracle.authority.has_role_for(account, Action::StaffReadSensitive);
    for sensitive in [false, true].into_iter().filter(|sensitive| !sensitive || sensitive_too) {
        let asked = format!("an export of {query:?}, sensitive: {sensitive}, {}", oracle.who(account));
        match reader::export(&oracle.clients[number], "/v1/staff", &query, sensitive).await {
            Ok(file) => {
                let expected = sorted(expected(oracle, account, filters, sensitive), sort);
                assert_eq!(reader::header(&file), columns(fields, sensitive), "{asked}");
                assert_eq!(rows(&file), expected.into_iter().map(|person| row(oracle, person, sensitive)).collect::<Vec<_>>(), "{asked}");
            }
            Err(status) => assert_eq!((status, oracle.reads(account)), (403, false), "{asked}"),
        }
        oracle.tally.add("exports", 1);
    }
}

/// The people of the list; with sensitive fields those only whose sensitive fields the account may see.
fn expected<'a>(oracle: &'a Oracle, account: &Account, filters: &[Filter], sensitive: bool) -> Vec<&'a Person> {
    let authority = &oracle.authority;
    let may = |person: &&Person| !sensitive || authority.grants(account, Action::StaffReadSensitive, person.standing());
    oracle.seen_by(account).into_iter().filter(|person| filters.iter().all(|filter| filter.keeps(authority, person))).filter(may).collect()
}

/// Those that every file has and those that were asked for, by themselves or by their group.
fn columns(fields: Option<&[&str]>, sensitive: bool) -> Vec<String> {
    let asked = |field: &str| fields.is_none_or(|fields| fields.iter().any(|asked| field == *asked || field.starts_with(&format!("{asked}."))));
    let shown = COLUMNS.iter().filter(|column| (column.required || asked(&column.field)) && (sensitive || !SENSITIVE.contains(&column.field.as_str())));
    shown.map(|column| column.names.pick(Locale::En).to_owned()).collect()
}

/// The cells that tell who is in a row.
const CELLS: [&str; 4] = ["code", "full_name", "unit_code", "personal_number"];

fn row(oracle: &Oracle, person: &Person, sensitive: bool) -> Vec<Value> {
    let number = person.number.as_ref().filter(|_| sensitive);
    vec![json!(person.code), json!(person.name), json!(oracle.authority.units[person.unit].code), json!(number)]
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
