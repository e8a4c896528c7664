//! Days below a large unit, which are counted from the nearest year's beginning.

use chrono::{Days, NaiveDate};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_reporting::sums::{calendar::Calendar, job};
use registrar_testkit::TestSystem;

use crate::records::{State, day};

/// Around the beginnings of years, and far from them.
const FIRST: [&str; 6] = ["2020-01-01", "2023-12-31", "2024-01-01", "2024-12-31", "2025-01-02", "2025-09-05"];
const LATER: [&str; 5] = ["2019-06-01", "2024-01-02", "2024-07-01", "2025-01-01", "2025-12-31"];

#[tokio::test]
async fn every_day_is_right_whenever_its_year_was_summed_up() {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let department = system.department("Sở GDĐT").await.unwrap();
    let school = system.school_below(department, "Trường TH Hòa Bình").await.unwrap();
    let api = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    let catch_up = async |today: &str| job::catch_up(&mut system.db("reporting").get().await.unwrap(), Calendar::on(day(today))).await.unwrap();
    let mut enrolled: Vec<NaiveDate> = Vec::new();

    // Some come before the department is found to be large, some afterwards, one as a year ends.
    catch_up("2025-09-15").await;
    for (round, days) in [&FIRST[..], &LATER[..]].into_iter().enumerate() {
        for from in days.iter().map(|text| day(text)) {
            let state = State { from, to: from.checked_add_days(Days::new(400)), ..State::at(school) };
            system.deliver("reporting", &[state.enrolment(system.tenant(), system.new_id(), (1, 1))]).await.unwrap();
            enrolled.push(from);
        }
        catch_up("2025-09-15").await;
        if round == 0 {
            let mut conn = system.db("reporting").get().await.unwrap();
            for _ in 0..3 {
                diesel::sql_query("select anchor_large_units(1)").execute(&mut conn).await.unwrap();
            }
        }
    }
    job::pack(&mut system.db("reporting").get().await.unwrap()).await.unwrap();
    for today in ["2025-09-15", "2026-02-01"] {
        catch_up(today).await;
        let ends = enrolled.iter().map(|from| *from + Days::new(401));
        for near in enrolled.iter().copied().chain(ends).collect::<Vec<_>>() {
            for on in [near - Days::new(1), near, near + Days::new(40)] {
                let there = enrolled.iter().filter(|from| (**from..**from + Days::new(401)).contains(&on)).count();
                let answer = api.get(format!("/v1/reports/headcounts?subject=students&by=gender,grade&on={on}&unit_id={department}")).await.ok();
                assert_eq!(answer.at("/total").as_u64(), u64::try_from(there).ok(), "on {on}, told on {today}");
            }
        }
    }
}
