//! Headcounts that are summed up before anybody asks (docs/adr/0005-reports.md).
//!
//! `headcount_sums` has, for each unit, each hierarchy and each two dimensions, how many there are today below the unit and
//! by how much that changes on a day and in a month; of students below a large unit also how many there were at each year's
//! beginning. Triggers note in `headcount_pending` what each event changes; [`job`] adds it up, moves what a unit has added
//! when the unit itself is moved, and packs the sums of large units. [`store`] reads the sums and what is still pending, in
//! one state of the database: a figure is right whether or not the job has come to it.

pub mod calendar;
pub mod job;
pub mod store;
