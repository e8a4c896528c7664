//! How fast it is: `cargo test --release -p registrar-students -- --ignored --nocapture figures`.

use std::{fmt::Write, time::Instant};

use serde_json::json;

use crate::{
    imports::{counts, import},
    world::World,
};

const CLASSES: usize = 500;
const STUDENTS: usize = 20_000;
const PUPILS: usize = 10_000;

fn class_file() -> String {
    let mut csv = "unit_code,school_year_code,name,education_level,grade,homeroom_teacher_code\n".to_owned();
    for class in 0..CLASSES {
        writeln!(csv, "TH-SP,2025-2026,5A{class},TH,5,GV001").unwrap();
    }
    csv
}

fn student_file() -> String {
    let mut csv = "code,full_name,birth_date,gender,personal_number,unit_code,school_year_code,class_name,enrolled_on\n".to_owned();
    for student in 0..STUDENTS {
        writeln!(csv, "HS{student:06},Nguyễn Thị Thuý {student},2015-03-01,female,049315{student:06},TH-SP,2025-2026,5A{},2025-09-05", student % CLASSES).unwrap();
    }
    csv
}

/// Students in no class, and their enrolments and fathers in files of their own.
fn of_pupils(header: &str, row: fn(usize) -> String) -> String {
    (0..PUPILS).fold(format!("{header}\n"), |csv, pupil| csv + &row(pupil) + "\n")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn figures() {
    let world = World::new().await;
    let staff = world.system.new_id();
    world.staff(staff, 1, "Trần Thị Lan").await;
    let pupils = of_pupils("code,full_name,birth_date,gender,unit_code", |pupil| format!("PU{pupil:06},Lê Văn An {pupil},2015-03-01,male,TH-SP"));
    let enrolments = of_pupils("student_code,unit_code,school_year_code,class_name,enrolled_on", |pupil| format!("PU{pupil:06},TH-SP,2025-2026,5A{},2025-09-05", pupil % CLASSES));
    let fathers = of_pupils("student_code,relation,full_name,personal_number,phone", |pupil| format!("PU{pupil:06},father,Lê Văn Bình,049085{pupil:06},0905{pupil:06}"));
    for (resource, csv, rows) in [
        ("classes", class_file(), CLASSES),
        ("students", student_file(), STUDENTS),
        ("students", pupils, PUPILS),
        ("enrolments", enrolments, PUPILS),
        ("guardians", fathers, PUPILS),
    ] {
        for (times, wanted) in [("first", [rows, 0, 0, 0]), ("again", [0, 0, rows, 0])] {
            let began = Instant::now();
            let done = import(&world, resource, &csv).await;
            assert_eq!(counts(&done), wanted.map(|count| i64::try_from(count).unwrap()));
            println!("{resource}, {times}: {:.0} rows a second", rows as f64 / began.elapsed().as_secs_f64());
        }
    }
    let teacher = world.teacher_elsewhere(staff).await;
    for (who, api) in [("head", &world.head), ("homeroom teacher", &teacher)] {
        for path in ["students?limit=50", "students?q=thuy 19999", "classes?limit=50", "enrolments?limit=50", "assignments"] {
            let began = Instant::now();
            for _ in 0..20 {
                api.get(format!("/v1/{path}")).await.ok();
            }
            println!("{who}: GET /v1/{path}: {:.1} ms", began.elapsed().as_secs_f64() * 50.0);
        }
    }
    let began = Instant::now();
    world.staff(staff, 2, "Trần Thị Lan Anh").await;
    println!("a homeroom teacher of {CLASSES} classes renamed: {:?}", began.elapsed());
    assert_eq!(world.head.get("/v1/classes?limit=1").await.ok().at("/items/0/homeroom_teacher/full_name"), &json!("Trần Thị Lan Anh"));
}
