//! Random units in two hierarchies that change over time, and accounts with random grants in them.

use chrono::{Days, NaiveDate};
use registrar_access::Role;
use registrar_domain::{EducationLevel, Hierarchy, TenantId};
use uuid::Uuid;

use super::Dice;

pub const BOTH: [Hierarchy; 2] = [Hierarchy::Administrative, Hierarchy::Professional];

/// What became true or ended lies around today: the days themselves are where mistakes are made.
const DAYS: [i64; 8] = [-900, -400, -30, -1, 0, 1, 30, 400];

/// Layers of units of the first tenant below its root: each unit stands below one of an earlier layer.
const LAYERS: [usize; 4] = [20, 150, 1200, 80];
/// Those of a second tenant, which must never be seen by the first, nor see it.
const OTHER_LAYERS: [usize; 4] = [3, 8, 30, 4];

/// A unit above another one; units are named by their places in [`Authority::units`].
#[derive(Clone, Debug)]
pub struct Superior {
    pub hierarchy: Hierarchy,
    pub unit: usize,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

#[derive(Clone, Debug)]
pub struct Unit {
    pub id: Uuid,
    pub tenant: TenantId,
    pub code: String,
    pub levels: Vec<EducationLevel>,
    pub superiors: Vec<Superior>,
    pub closed_on: Option<NaiveDate>,
    pub layer: usize,
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub role: Role,
    pub unit: usize,
    pub hierarchy: Hierarchy,
    pub levels: Vec<EducationLevel>,
    pub classes: Vec<Uuid>,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub id: Uuid,
    pub tenant: TenantId,
    /// The staff record of the person behind it.
    pub staff: Option<Uuid>,
    pub grants: Vec<Grant>,
}

/// Everything that rights follow from by grants.
pub struct Authority {
    pub today: NaiveDate,
    pub units: Vec<Unit>,
    pub accounts: Vec<Account>,
    /// Of each unit, in each of [`BOTH`]: the unit itself and what is above it today.
    pub(super) above: Vec<[Vec<usize>; 2]>,
}

/// A class that grants may be limited to, and the unit it is in.
pub type KnownClass = (Uuid, usize);

impl Authority {
    /// The units of two tenants.
    pub fn new(dice: &mut Dice, today: NaiveDate, tenants: [TenantId; 2]) -> Self {
        let mut authority = Authority { today, units: Vec::new(), accounts: Vec::new(), above: Vec::new() };
        authority.add_tenant(dice, tenants[0], &LAYERS);
        authority.add_tenant(dice, tenants[1], &OTHER_LAYERS);
        authority.above = (0..authority.units.len()).map(|unit| BOTH.map(|hierarchy| authority.walk_up(unit, hierarchy))).collect();
        authority
    }

    fn add_tenant(&mut self, dice: &mut Dice, tenant: TenantId, layers: &[usize]) {
        let root = self.units.len();
        // The test kit has made the root already, and named it so.
        let code = tenant.to_string().replace('-', "").split_off(20);
        self.units.push(Unit { id: tenant.into(), tenant, code, levels: Vec::new(), superiors: Vec::new(), closed_on: None, layer: 0 });
        let (mut last, mut earlier) = (vec![root], vec![root]);
        for (number, count) in layers.iter().enumerate() {
            let first = self.units.len();
            for _ in 0..*count {
                let unit = Unit {
                    id: dice.id(),
                    tenant,
                    code: format!("U{:05}", self.units.len()),
                    levels: levels(dice, &[0, 1, 1, 2, 3]),
                    superiors: self.superiors(dice, &last, &earlier),
                    closed_on: dice.chance(6).then(|| self.day(dice)),
                    layer: number + 1,
                };
                self.units.push(unit);
            }
            last = (first..self.units.len()).collect();
            earlier.extend(&last);
        }
    }

    /// In each hierarchy one superior at a time, or none for a while or at all.
    fn superiors(&self, dice: &mut Dice, last: &[usize], earlier: &[usize]) -> Vec<Superior> {
        let mut superiors = Vec::new();
        for hierarchy in BOTH {
            let count = dice.pick(&[0, 0, 0, 0, 1, 1, 2]);
            let mut changes: Vec<NaiveDate> = (0..count).map(|_| self.day(dice)).collect();
            changes.sort_unstable();
            changes.dedup();
            let mut from = long_ago();
            for change in changes.into_iter().map(Some).chain([None]) {
                let unit = if dice.chance(80) { dice.pick(last) } else { dice.pick(earlier) };
                if !dice.chance(8) {
                    superiors.push(Superior { hierarchy, unit, from, to: change.and_then(|change| change.pred_opt()) });
                }
                from = change.unwrap_or(from);
            }
        }
        superiors
    }

    /// Accounts of a tenant with up to six grants each, some of them of a member of staff. Grants over `classes` stand in
    /// the unit of one of these or above it.
    pub fn add_accounts(&mut self, dice: &mut Dice, tenant: TenantId, count: usize, staff: &[Uuid], classes: &[KnownClass]) {
        for _ in 0..count {
            let grants = (0..dice.below(7)).map(|_| self.grant(dice, tenant, classes)).collect();
            let staff = (!staff.is_empty() && dice.chance(40)).then(|| dice.pick(staff));
            self.accounts.push(Account { id: dice.id(), tenant, staff, grants });
        }
    }

    fn grant(&self, dice: &mut Dice, tenant: TenantId, classes: &[KnownClass]) -> Grant {
        let hierarchy = dice.pick(&BOTH);
        let class = (!classes.is_empty() && dice.chance(12)).then(|| dice.pick(classes));
        let unit = match class {
            Some((_, unit)) => dice.pick(self.above(unit, hierarchy)),
            None => self.granted_unit(dice, tenant),
        };
        let classes = class.map(|(class, _)| [vec![class], dice.some(classes, 2).into_iter().map(|(other, _)| other).collect()].concat()).unwrap_or_default();
        Grant {
            role: dice.pick(Role::ALL),
            unit,
            hierarchy,
            levels: levels(dice, &[0, 0, 0, 0, 0, 1, 1, 2]),
            classes,
            from: if dice.chance(70) { long_ago() } else { self.day(dice) },
            until: dice.chance(30).then(|| self.day(dice)),
            ended: dice.chance(10),
        }
    }

    /// Mostly units with something below them; now and then the root.
    fn granted_unit(&self, dice: &mut Dice, tenant: TenantId) -> usize {
        let layer = dice.pick(&[1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
        let layer = if dice.chance(4) { 0 } else { layer };
        dice.pick(&self.units_of(tenant, layer))
    }

    /// The units of a layer of a tenant.
    pub fn units_of(&self, tenant: TenantId, layer: usize) -> Vec<usize> {
        (0..self.units.len()).filter(|unit| self.units[*unit].tenant == tenant && self.units[*unit].layer == layer).collect()
    }

    /// A day at, just before or after today, or long before or after it.
    pub fn day(&self, dice: &mut Dice) -> NaiveDate {
        let days = dice.pick(&DAYS);
        let distance = Days::new(days.unsigned_abs());
        if days < 0 { self.today - distance } else { self.today + distance }
    }
}

/// Random levels, as many as one of `counts` says.
pub fn levels(dice: &mut Dice, counts: &[usize]) -> Vec<EducationLevel> {
    let count = dice.pick(counts);
    dice.some(EducationLevel::ALL, count)
}

pub fn long_ago() -> NaiveDate {
    NaiveDate::from_ymd_opt(2000, 1, 1).unwrap()
}

impl Authority {
    /// Who an account is and what it holds, for the message of a failure.
    pub fn who(&self, account: &Account) -> String {
        let grants = account.grants.iter().map(|grant| {
            let unit = &self.units[grant.unit];
            format!("  {grant:?} in {}, closed {:?}\n", unit.code, unit.closed_on)
        });
        format!("asked by {} (staff {:?}) with\n{}", account.id, account.staff, grants.collect::<String>())
    }
}
