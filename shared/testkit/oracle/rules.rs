//! Who may do what, by walking from the record up its hierarchy: the answer that the services' SQL has to give too.

use registrar_access::{Action, policy::allows};
use registrar_domain::{EducationLevel, Hierarchy};
use uuid::Uuid;

use super::authority::{Account, Authority, BOTH, Grant, Superior, Unit};

/// Where a record stands, as far as grants speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub unit: usize,
    /// None when only its unit has levels.
    pub level: Option<EducationLevel>,
    pub class: Option<Uuid>,
}

impl Authority {
    /// Whether a grant lets the account do `action` with the record.
    pub fn grants(&self, account: &Account, action: Action, record: Standing) -> bool {
        self.units[record.unit].tenant == account.tenant && account.grants.iter().any(|grant| self.allows_today(grant, action) && self.reaches(grant, record))
    }

    /// Whether some grant allows `action` somewhere, be it over nothing.
    pub fn has_role_for(&self, account: &Account, action: Action) -> bool {
        account.grants.iter().any(|grant| self.allows_today(grant, action))
    }

    /// A grant lasts through its last day, and not beyond that of its unit.
    pub fn allows_today(&self, grant: &Grant, action: Action) -> bool {
        let lasts = grant.from <= self.today && grant.until.is_none_or(|until| self.today <= until);
        let open = self.units[grant.unit].closed_on.is_none_or(|closed| self.today <= closed);
        !grant.ended && lasts && open && allows(grant.role, action)
    }

    /// Whether a record is within what a grant is over. An unlimited grant in the root is over the whole tenant, also over
    /// units that stand below nobody today (docs/adr/0003-tenancy-and-authority.md).
    pub fn reaches(&self, grant: &Grant, record: Standing) -> bool {
        self.is_over_everything(grant) || (self.above(record.unit, grant.hierarchy).contains(&grant.unit) && self.covers_level(grant, record) && covers_class(grant, record))
    }

    pub fn is_over_everything(&self, grant: &Grant) -> bool {
        self.units[grant.unit].layer == 0 && grant.levels.is_empty() && grant.classes.is_empty()
    }

    /// A record without a level belongs to whoever has one of its unit's.
    fn covers_level(&self, grant: &Grant, record: Standing) -> bool {
        let of_unit = &self.units[record.unit].levels;
        let of_record = record.level.map_or_else(|| of_unit.clone(), |level| vec![level]);
        grant.levels.is_empty() || of_record.iter().any(|level| grant.levels.contains(level))
    }

    /// The unit itself and what is above it today, nearest first.
    pub fn above(&self, unit: usize, hierarchy: Hierarchy) -> &[usize] {
        &self.above[unit][usize::from(hierarchy == BOTH[1])]
    }

    pub(super) fn walk_up(&self, unit: usize, hierarchy: Hierarchy) -> Vec<usize> {
        let mut above = vec![unit];
        let mut at = &self.units[unit];
        while let Some(superior) = self.superior(at, hierarchy) {
            above.push(superior.unit);
            at = &self.units[superior.unit];
        }
        above
    }

    fn superior<'a>(&self, unit: &'a Unit, hierarchy: Hierarchy) -> Option<&'a Superior> {
        let lasts = |superior: &&Superior| superior.from <= self.today && superior.to.is_none_or(|to| self.today <= to);
        unit.superiors.iter().filter(lasts).find(|superior| superior.hierarchy == hierarchy)
    }
}

fn covers_class(grant: &Grant, record: Standing) -> bool {
    grant.classes.is_empty() || record.class.is_some_and(|class| grant.classes.contains(&class))
}
