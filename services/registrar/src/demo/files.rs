//! The files that are sent to the import API.

use chrono::{Datelike, NaiveDate};
use registrar_domain::Gender;

use super::{
    SEED, people,
    schools::{Population, School},
};

/// Rows of one file of students: a file stays well under the limit of an upload.
const ROWS: usize = 50_000;

/// A CSV file under construction.
struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn new(header: &[&str]) -> anyhow::Result<Self> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header)?;
        Ok(Table(writer))
    }

    fn row(&mut self, cells: &[&str]) -> anyhow::Result<()> {
        Ok(self.0.write_record(cells)?)
    }

    fn finish(self) -> anyhow::Result<Vec<u8>> {
        self.0.into_inner().map_err(|error| anyhow::anyhow!("a file could not be finished: {error}"))
    }
}

/// The units: departments, the district office that was closed, communes, schools; each with its superiors over time.
///
/// # Errors
/// When a row cannot be written.
pub fn units(population: &Population) -> anyhow::Result<Vec<u8>> {
    let mut table = Table::new(&["code", "name", "kind", "education_levels", "website", "area", "opened_on", "closed_on", "administrative", "professional"])?;
    let root = format!("{}@2000-01-01/..", super::TENANT);
    let before = format!("{}@2000-01-01/2025-06-30", super::TENANT);
    let da_nang = "vn-area/2026-04-30/48";
    table.row(&["SGD-49", "Sở GDĐT Quảng Nam", "department", "", "", "vn-area/2025-06-30/49", "2000-01-01", "2025-06-30", &before, &before])?;
    table.row(&["SGD-48", "Sở GDĐT Đà Nẵng", "department", "", "", da_nang, "2000-01-01", "", &root, &root])?;
    table.row(&["UBND-48", "UBND thành phố Đà Nẵng", "province", "", "", da_nang, "2000-01-01", "", &root, ""])?;
    let department = "SGD-49@2000-01-01/2025-06-30";
    table.row(&["PGD-HA", "Phòng GDĐT thành phố Hội An", "district_office", "", "", "vn-area/2025-06-30/503", "2000-01-01", "2025-06-30", department, department])?;
    for (code, name) in [("20401", "UBND phường Hội An Tây"), ("20410", "UBND phường Hội An"), ("20413", "UBND phường Hội An Đông"), ("20434", "UBND xã Tân Hiệp")]
    {
        let area = format!("vn-area/2026-04-30/{code}");
        table.row(&[&format!("UBND-{code}"), name, "commune", "", "", &area, "2025-07-01", "", "UBND-48@2025-07-01/..", ""])?;
    }
    for school in &population.schools {
        let (administrative, professional) = superiors(school);
        table.row(&[&school.code, &school.name, &school.kind, &school.levels, &school.website, "", "2000-01-01", "", &administrative, &professional])?;
    }
    table.finish()
}

fn superiors(school: &School) -> (String, String) {
    match &school.commune {
        Some(commune) => (format!("PGD-HA@2000-01-01/2025-06-30 UBND-{commune}@2025-07-01/.."), "PGD-HA@2000-01-01/2025-06-30 SGD-48@2025-07-01/..".to_owned()),
        None => ("UBND-48@2000-01-01/..".to_owned(), "SGD-48@2000-01-01/..".to_owned()),
    }
}

/// Teachers and others of a school; teachers first, the homeroom teacher of each class among them.
fn positions(school: &School) -> impl Iterator<Item = &'static str> {
    let teachers = (school.classes.len() * 3).div_ceil(2).max(1);
    std::iter::repeat_n("teacher", teachers).chain(["head_teacher", "deputy_head_teacher", "clerk", "accountant", "guard"])
}

/// The staff of all schools.
///
/// # Errors
/// When a row cannot be written.
pub fn staff(population: &Population) -> anyhow::Result<Vec<u8>> {
    let mut table = Table::new(&["code", "full_name", "birth_date", "gender", "personal_number", "phone", "email", "position", "education_level", "unit_code", "started_on"])?;
    let mut index = 0;
    for school in &population.schools {
        for (place, position) in positions(school).enumerate() {
            let person = people::staff_member(SEED, index, &school.code);
            index += 1;
            let started = NaiveDate::from_ymd_opt(person.birth_date.year() + 23, 9, 1).unwrap_or(person.birth_date);
            let level = school.classes.get(place).filter(|_| position == "teacher").map_or("", |class| class.level.as_str());
            table.row(&[
                &staff_code(school, place),
                &person.full_name,
                &person.birth_date.to_string(),
                gender(person.gender),
                &person.personal_number,
                &person.phone,
                &person.email,
                position,
                level,
                &school.code,
                &started.to_string(),
            ])?;
        }
    }
    table.finish()
}

/// The code of the staff member at this place in a school's list.
#[must_use]
pub fn staff_code(school: &School, place: usize) -> String {
    format!("{}-{:03}", school.code, place + 1)
}

fn gender(gender: Gender) -> &'static str {
    gender.as_str()
}

/// The classes of all schools.
///
/// # Errors
/// When a row cannot be written.
pub fn classes(population: &Population, school_year: &str) -> anyhow::Result<Vec<u8>> {
    let mut table = Table::new(&["unit_code", "school_year_code", "name", "education_level", "grade", "homeroom_teacher_code"])?;
    for school in &population.schools {
        for (place, class) in school.classes.iter().enumerate() {
            let grade = class.grade.map(|grade| grade.to_string()).unwrap_or_default();
            table.row(&[&school.code, school_year, &class.name, class.level.as_str(), &grade, &staff_code(school, place)])?;
        }
    }
    table.finish()
}

/// The students of all classes, enrolled on the first school day, in files of bounded size, made one by one.
pub fn students<'a>(population: &'a Population, school_year: &'a str, starts: i32) -> impl Iterator<Item = anyhow::Result<Vec<u8>>> + 'a {
    let places = population.schools.iter().flat_map(|school| school.classes.iter().flat_map(move |class| std::iter::repeat_n((school, class), class.size)));
    let mut rows = places.enumerate().peekable();
    let enrolled_on = format!("{starts}-09-05");
    std::iter::from_fn(move || {
        rows.peek()?;
        let part: Vec<_> = rows.by_ref().take(ROWS).collect();
        let write = || {
            let mut table = Table::new(&["code", "full_name", "birth_date", "gender", "personal_number", "unit_code", "school_year_code", "class_name", "enrolled_on"])?;
            for (index, (school, class)) in part {
                let pupil = people::pupil(SEED, index as u64, class.level, class.grade, starts);
                let born = pupil.birth_date.to_string();
                table.row(&[&pupil.student_code, &pupil.full_name, &born, gender(pupil.gender), &pupil.personal_number, &school.code, school_year, &class.name, &enrolled_on])?;
            }
            table.finish()
        };
        Some(write())
    })
}
