//! Headcounts (số lượng cán bộ quản lý, giáo viên, nhân viên và học sinh; 教职工与学生人数): how many there are as of a
//! day, by unit, level, gender and so on, rolled up a named hierarchy as it was on that day (S3-004).
//!
//! * [`model`] makes a **fact** of an event: where one staff record or enrolment is counted, from which day to which.
//!   It knows nothing but the event, so that duplicated and shuffled events lead to the same facts.
//! * [`events`] keeps the facts in `staff_facts` and `enrolment_facts`. Triggers on these derive `headcount_changes`,
//!   +1 on a first day and -1 on the day after a last one, for a whole batch of events at once.
//! * [`store`] sums the changes until a day. Units are joined when a report is read, not when a fact is written: a unit
//!   that is moved, renamed or late needs nothing recounted, and the past keeps its own hierarchy.
//!
//! The figures are those of the unit: the same for everybody who may see them. Only education levels outside the
//! caller's grants are left out, and the answer says which were counted.

pub mod api;
pub mod events;
pub mod model;
pub mod store;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/reports`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(resource!(context, "/reports").service(api::headcounts));
}
