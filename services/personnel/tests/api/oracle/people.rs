//! Random members of staff.

use chrono::NaiveDate;
use diesel::sql_query;
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Action};
use registrar_domain::{EducationLevel, TenantId};
use registrar_personnel::staff::{model::StaffInput, store, writes};
use registrar_store::{Connection, StoreError};
use registrar_testkit::TestSystem;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{
    Account, Authority, Dice, Standing,
    authority::{levels, long_ago},
    names::{self, Order},
};

/// An employment besides the primary one.
#[derive(Clone, Debug)]
pub struct Secondary {
    pub unit: usize,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

#[derive(Clone, Debug)]
pub struct Person {
    /// Known once it was entered.
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub order: Order,
    pub unaccented: String,
    pub unit: usize,
    pub level: Option<EducationLevel>,
    pub status: &'static str,
    pub number: Option<String>,
    pub elsewhere: Vec<Secondary>,
}

impl Person {
    fn random(dice: &mut Dice, authority: &Authority, tenant: TenantId, number: usize) -> Self {
        let layer = dice.pick(&[0, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        let unit = dice.pick(&authority.units_of(tenant, layer));
        let name = names::random(dice);
        let of_unit = &authority.units[unit].levels;
        let level = match dice.below(8) {
            0 | 1 => None,
            2..=6 if !of_unit.is_empty() => Some(dice.pick(of_unit)),
            _ => levels(dice, &[1]).pop(),
        };
        Person {
            id: Uuid::nil(),
            code: format!("{}{number:05}", dice.pick(&["A", "B", "C", "0"])),
            order: names::order(&name),
            unaccented: names::unaccented(&name),
            name,
            unit,
            level,
            status: dice.pick(&["active", "active", "active", "active", "active", "active", "on_leave", "ended"]),
            number: dice.chance(50).then(|| format!("048190{number:06}")),
            elsewhere: elsewhere(dice, authority, tenant, unit),
        }
    }

    pub fn standing(&self) -> Standing {
        Standing { unit: self.unit, level: self.level, class: None }
    }

    /// The units of the other employments that last today.
    pub fn elsewhere_today(&self, today: NaiveDate) -> impl Iterator<Item = usize> {
        let lasts = move |employment: &&Secondary| employment.from <= today && employment.to.is_none_or(|to| today <= to);
        self.elsewhere.iter().filter(lasts).map(|employment| employment.unit)
    }

    /// Whether the account may see the record: at its own unit, or where the person works today, where a level is asked of
    /// the unit.
    pub fn is_seen_by(&self, authority: &Authority, account: &Account) -> bool {
        let elsewhere = |unit| authority.grants(account, Action::StaffRead, Standing { unit, level: None, class: None });
        authority.grants(account, Action::StaffRead, self.standing()) || self.elsewhere_today(authority.today).any(elsewhere)
    }

    fn input(&self, authority: &Authority) -> StaffInput {
        let unit = |unit: usize| authority.units[unit].id;
        let secondary = |other: &Secondary| json!({"unit_id": unit(other.unit), "position": "teacher", "started_on": other.from, "ended_on": other.to});
        let ended = (self.status == "ended").then_some(("2025-06-30", "nghỉ việc"));
        let input = json!({
            "code": self.code, "full_name": self.name, "birth_date": "1990-05-20", "gender": "female", "personal_number": self.number, "phone": "0905123456",
            "position": "teacher", "education_level": self.level, "unit_id": unit(self.unit), "started_on": "1999-08-15", "status": self.status,
            "ended_on": ended.map(|(on, _)| on), "end_reason": ended.map(|(_, reason)| reason),
            "sensitive": {"ethnic_group": "vn-ethnic/2008/01"}, "secondary_employments": self.elsewhere.iter().map(secondary).collect::<Vec<Value>>(),
        });
        serde_json::from_value(input).unwrap()
    }
}

/// One in eight works at other units too, or did, or will.
fn elsewhere(dice: &mut Dice, authority: &Authority, tenant: TenantId, own: usize) -> Vec<Secondary> {
    let count = if dice.chance(12) { 1 + dice.below(2) } else { 0 };
    let schools: Vec<usize> = authority.units_of(tenant, 3).into_iter().filter(|unit| *unit != own).collect();
    let units = dice.some(&schools, count);
    let secondary = |unit: usize| {
        let (one, other) = (authority.day(dice), authority.day(dice));
        let from = if dice.chance(50) { long_ago() } else { one.min(other) };
        Secondary { unit, from, to: dice.chance(60).then(|| one.max(other)) }
    };
    units.into_iter().map(secondary).collect()
}

/// So many people of a tenant.
pub fn random(dice: &mut Dice, authority: &Authority, tenant: TenantId, numbers: std::ops::Range<usize>) -> Vec<Person> {
    numbers.map(|number| Person::random(dice, authority, tenant, number)).collect()
}

/// Enters the people of a tenant, changes some of them afterwards, and notes their ids.
pub async fn enter(system: &TestSystem, authority: &Authority, tenant: TenantId, people: &mut [Person]) {
    let inputs: Vec<StaffInput> = people.iter().map(|person| person.input(authority)).collect();
    let access = Access::administrator(tenant, system.new_id().into(), system.clock().now(), "oracle");
    let mut conn = system.db("personnel").get().await.unwrap();
    let conn: &mut Connection = &mut conn;
    let changed = "update staff set phone = '0912345678' where tenant_id = $1 and code like '%7'";
    for step in ["enter", "change"] {
        let entered = conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
            match step {
                "enter" => writes::insert_many(conn, &access, &inputs).await?,
                _ => drop(sql_query(changed).bind::<diesel::sql_types::Uuid, _>(Uuid::from(tenant)).execute(conn).await?),
            }
            // Nobody listens, and publishing would take the time that comparing needs.
            sql_query("delete from outbox").execute(conn).await?;
            Ok(())
        });
        entered.await.unwrap();
    }
    let codes: Vec<String> = people.iter().map(|person| person.code.clone()).collect();
    let known = store::by_codes(conn, &access, &codes).await.unwrap();
    let ids: std::collections::HashMap<String, Uuid> = known.into_iter().map(|(record, _)| (record.columns.code, record.id)).collect();
    for person in people {
        person.id = ids[&person.code];
    }
}
