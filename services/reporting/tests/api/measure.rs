//! How long reports take in a school system of 20 thousand and of a million students, and what keeping them costs:
//! `cargo test --release -p registrar-reporting --test api -- --ignored --nocapture --test-threads 1 measure`.

use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use registrar_access::Role;
use registrar_domain::{UnitId, UnitKind};
use registrar_events::{Consumer, Event};
use registrar_reporting::sums::{calendar::Calendar, job};
use registrar_testkit::{Api, NewUnit, TestSystem};

use crate::records::{Person, SHE, State, day};

/// Units by kind and number: a department, districts until the reform, communes since, schools.
const UNITS: &str = r#"
    create function made(kind int, number bigint) returns uuid language sql immutable as
        $$ select (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid $$;
    create function above(hierarchies text[], unit uuid, valid_from date, valid_to date) returns jsonb language sql as
        $$ select jsonb_agg(jsonb_build_object('hierarchy', h, 'unit_id', unit, 'valid_from', valid_from, 'valid_to', valid_to)) from unnest(hierarchies) h $$;
    insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, status, superiors)
    select made(2, 1), '{root}', 'SO', 'Sở', 'so', 'department', '{}'::text[], date '2000-01-01', 'open', above('{administrative,professional}', '{root}', '2000-01-01', null);
    insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, status, superiors)
    select made(3, n), '{root}', 'P' || n, 'Phòng ' || n, 'phong', 'district_office', '{}'::text[], date '2000-01-01', 'open', above('{administrative,professional}', made(2, 1), '2000-01-01', '2025-06-30')
    from generate_series(0, ({schools} - 1) / 50) n;
    insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, status, superiors)
    select made(4, n), '{root}', 'X' || n, 'Xã ' || n, 'xa', 'commune', '{}'::text[], date '2025-07-01', 'open', above('{administrative}', made(2, 1), '2025-07-01', null)
    from generate_series(0, ({schools} - 1) / 10) n;
    insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, status, superiors)
    select made(5, n), '{root}', 'T' || lpad(n::text, 5, '0'), 'Trường ' || n, 'truong', 'primary', case when n % 20 < 12 then '{TH}' when n % 20 < 17 then '{THCS}' else '{THPT}' end::text[],
           date '2000-01-01', 'open', above('{administrative,professional}', made(3, n / 50), '2000-01-01', '2025-06-30')
           || above('{administrative}', made(4, n / 10), '2025-07-01', null) || above('{professional}', made(2, 1), '2025-07-01', null)
    from generate_series(0, {schools} - 1) n;
    create table drawn as
    select n, school, case when school % 20 < 12 then 'TH' when school % 20 < 17 then 'THCS' else 'THPT' end as level,
           case when school % 20 < 12 then 1 + n % 5 when school % 20 < 17 then 6 + n % 4 else 10 + n % 3 end as grade, random() as r1, random() as r2, random() as r3, random() as r4
    from (select n, n * {schools} / {students} as school from generate_series(0::bigint, {students} - 1) n) s;
    create index on drawn (n);
    analyze"#;

/// Students of a range, with 54 ethnic groups and 15 policy categories, a twentieth of them enrolled on some day of the
/// year; a member of staff for every fifteen of them, employed over forty years. Twenty thousand have nearly all combinations
/// that a million have, all of a grade being of one age: it is students that reports are not to take longer for, not rows of the
/// answer.
const PEOPLE: &str = r#"
    insert into student_statistics
    select made(7, n), '{root}', 1, 1, made(5, school), level, case when r1 < 0.48 then 'female' else 'male' end,
           (2025 - grade - 5)::text,
           'vn-ethnic/2008/' || lpad((case when r3 < 0.85 then 1 else 2 + floor(53 * (r3 - 0.85) / 0.15) end)::int::text, 2, '0'),
           case when r4 < 0.85 then '' else 'vn-policy-category/1/' || floor((r4 - 0.85) / 0.15 * 14) end,
           case when r4 > 0.986 then 'unverified' else 'verified' end, case when r2 < 0.3 then '{personal.photo,phone}' else '{}' end::text[], false
    from drawn where n between {from} and {to};
    insert into enrolments
    select made(8, n), '{root}', 1, 1, made(7, n), made(5, school), level, grade::text, case when r1 < 0.48 then 'female' else 'male' end,
           case when r2 < 0.95 then date '2025-09-05' else date '2024-10-01' + floor((r2 - 0.95) * 20 * 340)::int end, 'infinity'
    from drawn where n between {from} and {to};
    insert into staff_statistics
    select made(9, n), '{root}', 1, 1, made(5, school), level, 'verified', '{}'::text[], false, jsonb_build_array(jsonb_build_object(
           'unit_id', made(5, school), 'education_level', level, 'from_date', date '1986-01-01' + floor(r1 * 14500)::int, 'to_date', 'infinity', 'dimensions', array[
           case when r2 < 0.7 then 'female' else 'male' end, 'teacher', (1966 + floor(r3 * 37))::text, 'vn-ethnic/2008/' || lpad((1 + floor(5 * r4))::text, 2, '0'), '',
           'teacher', 'vn-contract-form/1/' || floor(r2 * 4), 'vn-qualification/1/' || floor(r3 * 10), 'at']))
    from drawn where n between {from} and {to} and n % 15 = 0"#;

async fn run(system: &TestSystem, statements: &str, values: &[(&str, String)]) {
    let text = values.iter().fold(statements.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
    system.db("reporting").get().await.unwrap().batch_execute(&text).await.unwrap();
}

async fn catch_up(system: &TestSystem) {
    job::catch_up(&mut system.db("reporting").get().await.unwrap(), Calendar::on(day("2025-09-15"))).await.unwrap();
}

/// A system with so many schools and students.
async fn province(schools: usize, students: usize) -> TestSystem {
    // What an account holds is remembered for a moment, as it is in production.
    let remembering = TestSystem::builder(vec![registrar_reporting::service()]).options(|options| options.remember = Duration::from_millis(250));
    let system = remembering.start().await.unwrap();
    let root = ("root", system.root_unit().to_string());
    run(&system, UNITS, &[root.clone(), ("schools", schools.to_string()), ("students", students.to_string())]).await;
    let (start, mut adding) = (Instant::now(), Duration::ZERO);
    for from in (0..students).step_by(10_000) {
        run(&system, PEOPLE, &[root.clone(), ("from", from.to_string()), ("to", (from + 9_999).to_string())]).await;
        let added = Instant::now();
        catch_up(&system).await;
        adding += added.elapsed();
    }
    println!("{students} students in {schools} schools: {:.0?} to load, {adding:.0?} of it to add up", start.elapsed());
    let mut conn = system.db("reporting").get().await.unwrap();
    let start = Instant::now();
    job::pack(&mut conn).await.unwrap();
    println!("{:.0?} to pack", start.elapsed());
    diesel::sql_query("vacuum analyze").execute(&mut conn).await.unwrap();
    let sizes: Vec<Size> = diesel::sql_query(SIZES).load(&mut conn).await.unwrap();
    println!("{}", sizes.iter().map(|size| format!("{} {} rows {} MB", size.name, size.rows, size.megabytes)).collect::<Vec<_>>().join(", "));
    drop(conn);
    system
}

const SIZES: &str = "
    select relname::text as name, reltuples::bigint as rows, pg_total_relation_size(oid) >> 20 as megabytes
    from pg_class where relname in ('headcount_loose', 'headcount_packed', 'enrolments', 'student_statistics', 'staff_statistics', 'staff_employments') order by 1";

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    rows: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    megabytes: i64,
}

/// The medians of the systems, asked by turns: whatever else the machine does slows all of them.
async fn medians(administrators: &[Api; 2], path: &str) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..60 {
        for (api, times) in administrators.iter().zip(&mut times) {
            let start = Instant::now();
            api.get(format!("/v1/reports/{path}")).await.ok();
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}

#[tokio::test]
#[ignore = "measures, for minutes"]
async fn reports_take_the_same_time_whatever_the_number_of_students() {
    let systems = [province(30, 20_000).await, province(1450, 1_000_000).await];
    let administrator = async |system: &TestSystem| system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    let administrators = [administrator(&systems[0]).await, administrator(&systems[1]).await];
    let department = "00000002-0000-7000-8000-000000000001";
    let paths = [
        "headcounts?subject=students&by=gender,grade".to_owned(),
        "headcounts?subject=students&by=ethnic_group,age_band&limit=1000".to_owned(),
        "headcounts?subject=students&by=unit".to_owned(),
        format!("headcounts?subject=students&by=unit&limit=30&unit_id={department}"),
        format!("headcounts?subject=students&by=unit,gender&limit=30&unit_id={department}"),
        format!("headcounts?subject=students&by=gender,grade&hierarchy=administrative&unit_id={department}"),
        "headcounts?subject=students&by=gender,grade&on=2025-03-03".to_owned(),
        "headcounts?subject=students&by=ethnic_group,age_band&limit=1000&on=2025-03-03".to_owned(),
        "headcounts?subject=students&by=gender,grade&on=2023-12-31".to_owned(),
        "headcounts?subject=staff&by=gender,age_band".to_owned(),
        "headcounts?subject=staff&by=contract_form,qualification".to_owned(),
        "completeness?subject=students".to_owned(),
        format!("identities?subject=students&limit=30&unit_id={department}"),
    ];
    println!("{:>9} {:>9} ratio", "20k", "1M");
    for path in paths {
        let [few, many] = medians(&administrators, &path).await;
        println!("{few:>9.1?} {many:>9.1?} {:>5.2} {path}", many.as_secs_f64() / few.as_secs_f64());
    }
}

#[tokio::test]
#[ignore = "measures, for minutes"]
async fn events_are_applied_faster_than_they_are_made() {
    const EVENTS: usize = 100_000;
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let consumer = Consumer::new("reporting", system.db("reporting").clone(), (registrar_reporting::service().replicas)());
    let mut schools: Vec<UnitId> = Vec::new();
    for number in 0..150 {
        schools.push(system.unit(NewUnit::new(system.tenant(), UnitKind::Primary, &format!("Trường {number}"))).await.unwrap());
    }
    // One school after another, as in an import or a resync; any school, as never.
    for shuffled in [false, true] {
        let ids: Vec<_> = (0..EVENTS).map(|_| (system.new_id(), system.new_id())).collect();
        let state = |number: usize| {
            let school = schools[if shuffled { number * 7919 } else { number / 690 } % schools.len()];
            let late = u64::try_from(number / 20 % 200).unwrap();
            let from = if number.is_multiple_of(20) { day("2025-01-06").checked_add_days(chrono::Days::new(late)).unwrap() } else { day("2025-09-05") };
            State { category: ["1", "2", "3", "4", "5"][number % 5], gender: ["male", "female"][number / 5 % 2], from, ..State::at(school) }
        };
        let child = |number: usize| Person {
            birth_year: 2019 - i32::try_from(number % 5).unwrap(),
            ethnic_group: Some(["vn-ethnic/2008/01", "vn-ethnic/2008/02"][usize::from(number.is_multiple_of(9))]),
            ..SHE
        };
        let enrolments: Vec<Event> = ids.iter().enumerate().map(|(number, (id, student))| state(number).enrolment_of(*student, system.tenant(), *id, (1, 1))).collect();
        let students: Vec<Event> = ids.iter().enumerate().map(|(number, (_, student))| child(number).student(system.tenant(), *student, (1, 1), &state(number))).collect();
        for (what, events) in [("enrolments", enrolments), ("statistics of the same students", students)] {
            let start = Instant::now();
            for batch in events.chunks(256) {
                consumer.apply(batch.to_vec()).await.unwrap();
            }
            let applied = start.elapsed();
            catch_up(&system).await;
            let rate = |time: Duration| f64::from(u32::try_from(EVENTS).unwrap()) / time.as_secs_f64();
            println!("{what}, shuffled {shuffled}: {:.0} events/s, {:.0} with everything added up", rate(applied), rate(start.elapsed()));
        }
    }
}
