//! Headcounts (số lượng cán bộ quản lý, giáo viên, nhân viên và học sinh; 教职工与学生人数): how many there are as of a
//! day, by any two of unit, level, gender, ethnic group, age and so on, rolled up a named hierarchy as it was on that day
//! (S3-004).
//!
//! * [`crate::statistics`] copies what events say, [`crate::sums`] keeps figures ready.
//! * [`model`] says by what can be counted, [`crosstab`] makes the rows of a report out of figures, [`suppression`] hides
//!   those that would show single persons.
//! * [`store`] puts a report together, [`api`] answers with it, [`view`] shows it as a table or a chart.
//!
//! The figures are those of the unit: the same for everybody who may see them. Only education levels outside the
//! caller's grants are left out, and the answer says which were counted; and small figures by ethnic group or policy
//! category are for those who may see the persons themselves.

pub mod api;
pub mod crosstab;
pub mod model;
pub mod store;
pub mod suppression;
mod view;
