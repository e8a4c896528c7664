//! What rows of spreadsheets name by code: units, school years, and classes by their name in both. Read in a few
//! statements for all rows of a chunk.

use std::collections::{BTreeSet, HashMap};

use registrar_access::{Access, Action, GrantedUnit, units};
use registrar_domain::Code;
use registrar_http::imports::{ImportRow, RowResult, texts};
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use crate::{
    classes::{self, model::ClassRecord},
    school_years,
};

/// What the rows of a chunk name in `unit_code`, `school_year_code` and `class_name`.
pub struct Named {
    units: HashMap<String, GrantedUnit>,
    years: HashMap<String, Uuid>,
    /// By unit, school year and comparison key of the name; and whether the caller may write there.
    classes: HashMap<(Uuid, Uuid, String), (ClassRecord, bool)>,
}

impl Named {
    /// Reads what the rows name, the units in which the caller may do `action`, and locks the classes.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::AuthorityStale`]; otherwise only when the database cannot be asked.
    pub async fn load(conn: &mut Connection, access: &Access, action: Action, rows: &[ImportRow]) -> StoreResult<Self> {
        let units = units::by_codes(conn, access, action, texts(rows, "unit_code").into_iter()).await?;
        let years = school_years::store::by_codes(conn, access, texts(rows, "school_year_code").into_iter().collect()).await?;
        let names: BTreeSet<String> = texts(rows, "class_name").iter().filter_map(|name| Some(Code::parse(name).ok()?.comparison_key())).collect();
        let (unit_ids, year_ids) = (units.values().map(|granted| granted.unit.id).collect(), years.values().copied().collect());
        let classes = classes::store::by_names(conn, access, action, unit_ids, year_ids, names.into_iter().collect()).await?;
        let key = |class: &ClassRecord| (class.columns.unit_id, class.columns.school_year_id, class.columns.name_key.clone());
        Ok(Named { units, years, classes: classes.into_iter().map(|(class, may)| (key(&class), (class, may))).collect() })
    }

    /// The unit of this code.
    ///
    /// # Errors
    /// The row's result, when there is none in which the caller may write.
    pub fn unit(&self, row: &ImportRow, code: &Code) -> Result<&GrantedUnit, RowResult> {
        self.units.get(code.as_str()).ok_or_else(|| row.failed("unit_code", "unknown_unit", "no unit of this code in which you may enter this"))
    }

    /// The class of this name.
    ///
    /// # Errors
    /// The row's result, when there is none or the caller may not write there.
    pub fn class(&self, row: &ImportRow, unit: &GrantedUnit, year: &Code, name: &Code) -> Result<&ClassRecord, RowResult> {
        let year = self.years.get(year.as_str()).ok_or_else(|| row.failed("school_year_code", "unknown_school_year", "no school year of this code"))?;
        match self.classes.get(&(unit.unit.id, *year, name.comparison_key())) {
            None => Err(row.failed("class_name", "unknown_class", "no class of this name in this unit and school year")),
            Some((_, false)) => Err(row.failed("class_name", "forbidden", "the class is outside your grants")),
            Some((class, true)) => Ok(class),
        }
    }

    /// Takes the three cells and answers the unit and class that they name.
    ///
    /// # Errors
    /// Those of [`Named::unit`] and [`Named::class`]; an empty cell.
    pub fn take_class(&self, row: &mut ImportRow) -> Result<(&GrantedUnit, &ClassRecord), RowResult> {
        let (unit, year, name): (Code, Code, Code) = (row.require("unit_code")?, row.require("school_year_code")?, row.require("class_name")?);
        let unit = self.unit(row, &unit)?;
        Ok((unit, self.class(row, unit, &year, &name)?))
    }

    /// The classes that rows name.
    pub fn classes(&self) -> impl Iterator<Item = &ClassRecord> {
        self.classes.values().map(|(class, _)| class)
    }
}
