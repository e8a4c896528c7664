//! Registrar's domain types: identifiers, names, codes, dates and numbers that every service speaks of.
//!
//! Pure rules without input or output: nothing here reads the clock, a file or a database (new ids excepted). Values
//! are parsed where they enter the process and trusted from then on; each type says in its JSON Schema what the schema
//! can say, so that a request body is refused before it is deserialised, and each can be stored by diesel as it is.
//!
//! | Module | What it holds |
//! | --- | --- |
//! | [`ids`] | typed UUIDs, one type per kind of record |
//! | [`text`] | cleaning, comparing, searching and sorting Vietnamese and Chinese text |
//! | [`education`] | education levels (cấp học, 学段) and their grades |
//! | [`mod@unit`] | kinds of units and the hierarchies that join them |
//! | [`locale`] | the languages of labels and errors |
//! | [`gender`] | gender and its codes in two countries |
//! | [`personal_number`] | personal identification numbers of Viet Nam and China |
//! | [`dates`] | periods, and what "today" means in a tenant's zone |
//! | [`person_name`], [`code`], [`phone`], [`email`], [`short_text`], [`cohort`] | short validated texts |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod text_enum;
mod text_newtype;
mod vietnamese;

pub mod code;
pub mod cohort;
pub mod dates;
pub mod education;
pub mod email;
pub mod gender;
pub mod identity_check;
pub mod ids;
pub mod locale;
pub mod person_name;
pub mod personal_number;
pub mod phone;
pub mod short_text;
pub mod text;
pub mod unit;

pub use code::Code;
pub use cohort::Cohort;
pub use dates::{Period, PeriodError, local_date};
pub use education::{EducationLevel, EducationLevels, GradeError};
pub use email::EmailAddress;
pub use gender::Gender;
pub use identity_check::IdentityStatus;
pub use ids::{AccountId, AssignmentId, ClassId, EnrolmentId, GrantId, ImportId, SchoolYearId, SessionId, StaffId, StudentId, TenantId, UnitId};
pub use locale::{Locale, Names};
pub use person_name::PersonName;
pub use personal_number::{Finding, PersonalNumber, PersonalNumberError, PersonalNumberScheme};
pub use phone::PhoneNumber;
pub use short_text::{ShortText, WebAddress};
pub use text_enum::UnknownCode;
pub use text_newtype::TextError;
pub use unit::{Hierarchy, UnitKind};
