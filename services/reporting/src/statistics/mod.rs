//! What events say of staff and students, copied here to be counted: where somebody was employed or learnt and when, by
//! which dimensions they are counted, which fields of their records are missing.
//!
//! * [`model`] makes rows of events. It knows nothing but the event, so that duplicated and shuffled events lead to the
//!   same rows.
//! * [`events`] keeps the rows in `staff_statistics`, `enrolments` and `student_statistics`. What follows from them is the
//!   work of triggers (`migrations/reporting/00000000000303_rolled_up_headcounts`).

pub mod events;
pub mod model;
