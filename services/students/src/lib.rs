//! Students: school years, classes, who learns in them and who teaches them (năm học, lớp, học sinh, ghi danh, phân công
//! giảng dạy; 学年、班级、学生、学籍、任课), and who answers for them at home (phụ huynh, 监护人).

pub mod assignments;
pub mod classes;
pub mod copies;
pub mod dated;
pub mod derived;
pub mod embedded;
pub mod enrolments;
pub mod guardians;
pub mod named;
#[allow(missing_docs, reason = "columns are documented in migrations/students")]
pub mod schema;
pub mod school_years;
pub mod students;

use std::sync::Arc;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use registrar_http::{Service, service};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/students");

/// The service.
#[must_use]
pub fn service() -> Service {
    Service {
        name: "students",
        segments: &["school-years", "classes", "students", "guardians", "enrolments", "assignments"],
        tags: &[
            ("school-years", "The years that classes belong to (năm học, 学年)."),
            ("classes", "Classes with their homeroom teachers (lớp, 班级)."),
            ("students", "Who learns (học sinh, 学生)."),
            ("guardians", "Who answers for students at home (phụ huynh, 监护人)."),
            ("enrolments", "Who is in which class, from when until when (ghi danh, 学籍)."),
            ("assignments", "Who teaches what in which class (phân công giảng dạy, 任课)."),
        ],
        routes: |routes, context| {
            school_years::routes(routes, context);
            classes::routes(routes, context);
            students::routes(routes, context);
            guardians::routes(routes, context);
            enrolments::routes(routes, context);
            assignments::routes(routes, context);
        },
        root_routes: service::no_routes,
        internal_routes: service::no_routes,
        migrations: || MIGRATIONS,
        sources: || {
            vec![
                Arc::new(school_years::events::SchoolYearSource),
                Arc::new(classes::events::ClassSource),
                Arc::new(students::events::StudentSource),
                Arc::new(students::events::StudentStatisticsSource),
                Arc::new(enrolments::events::EnrolmentSource),
                Arc::new(assignments::events::AssignmentSource),
            ]
        },
        replicas: copies::replicas,
        importers: || {
            vec![
                Arc::new(school_years::import::SchoolYearImporter),
                Arc::new(classes::import::ClassImporter),
                Arc::new(students::import::StudentImporter),
                Arc::new(guardians::import::GuardianImporter),
                Arc::new(enrolments::import::EnrolmentImporter),
                Arc::new(assignments::import::AssignmentImporter),
            ]
        },
        exporters: || {
            vec![
                Arc::new(school_years::export::SchoolYearExporter),
                Arc::new(classes::export::ClassExporter),
                Arc::new(students::export::StudentExporter),
                Arc::new(guardians::export::GuardianExporter),
                Arc::new(enrolments::export::EnrolmentExporter),
                Arc::new(assignments::export::AssignmentExporter),
            ]
        },
        background: service::no_background,
    }
}
