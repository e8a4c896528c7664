//! Only what one holds may be handed on.
//!
//! What is given is taken apart into the smallest pieces a grant can be limited to: one action, one education level,
//! one class. Each piece must lie within one grant that the giver holds. Several grants may cover different pieces:
//! whoever holds TH by one grant and THCS by another may give both in one.

use chrono::NaiveDate;
use registrar_access::{Action, Role, policy::allows};
use registrar_domain::{EducationLevel, EducationLevels, Hierarchy};
use uuid::Uuid;

/// What a grant would give, or gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The role.
    pub role: Role,
    /// The hierarchy in which "below" is meant.
    pub hierarchy: Hierarchy,
    /// Limited to these education levels unless empty.
    pub education_levels: EducationLevels,
    /// Limited to these classes unless empty.
    pub class_ids: Vec<Uuid>,
    /// Its last day.
    pub valid_until: Option<NaiveDate>,
}

/// A grant of the giver's, and how it stands to the unit in which something is given.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldGrant {
    /// What it gives.
    pub given: Given,
    /// Whether it is held in the tenant's root, and so reaches every unit in any hierarchy.
    pub in_root: bool,
    /// Whether the unit is the grant's own or below it today, in the grant's hierarchy.
    pub above: bool,
}

impl HeldGrant {
    /// A grant limited in hierarchy, level or class reaches no further than that; in the root only an unlimited one
    /// reaches across hierarchies.
    fn covers(&self, action: Action, wanted: &Given, level: Option<EducationLevel>, class: Option<Uuid>) -> bool {
        let held = &self.given;
        let unlimited = held.education_levels.is_empty() && held.class_ids.is_empty();
        let reaches = (self.in_root && unlimited) || (self.above && held.hierarchy == wanted.hierarchy);
        let levels = held.education_levels.is_empty() || level.is_some_and(|level| held.education_levels.contains(level));
        let classes = held.class_ids.is_empty() || class.is_some_and(|class| held.class_ids.contains(&class));
        let lasts = held.valid_until.is_none_or(|until| wanted.valid_until.is_some_and(|wanted| wanted <= until));
        allows(held.role, action) && reaches && levels && classes && lasts
    }
}

/// The first action of `wanted` that the holder of `held` may not hand on; none when they may give it all. Giving
/// itself is among what must be held.
#[must_use]
pub fn beyond(held: &[HeldGrant], wanted: &Given) -> Option<Action> {
    let levels: Vec<Option<EducationLevel>> = if wanted.education_levels.is_empty() { vec![None] } else { wanted.education_levels.iter().map(Some).collect() };
    let classes: Vec<Option<Uuid>> = if wanted.class_ids.is_empty() { vec![None] } else { wanted.class_ids.iter().copied().map(Some).collect() };
    let covered = |action: Action| levels.iter().all(|level| classes.iter().all(|class| held.iter().any(|grant| grant.covers(action, wanted, *level, *class))));
    Action::ALL.iter().copied().filter(|action| *action == Action::GrantsWrite || allows(wanted.role, *action)).find(|action| !covered(*action))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(role: Role) -> Given {
        Given { role, hierarchy: Hierarchy::Professional, education_levels: EducationLevels::EMPTY, class_ids: Vec::new(), valid_until: None }
    }

    fn held(given: Given) -> HeldGrant {
        HeldGrant { given, in_root: false, above: true }
    }

    #[test]
    fn a_head_gives_roles_of_the_school_and_no_more() {
        let head = [held(given(Role::HeadTeacher))];
        for role in [Role::HeadTeacher, Role::Clerk, Role::Teacher, Role::Viewer] {
            assert_eq!(beyond(&head, &given(role)), None, "{role:?}");
        }
        assert_eq!(beyond(&head, &given(Role::Administrator)), Some(Action::UnitsWrite));
        // Who may not give at all gives nothing, not even what they hold.
        assert_eq!(beyond(&[held(given(Role::Clerk))], &given(Role::Teacher)), Some(Action::GrantsWrite));
        assert!(beyond(&[], &given(Role::Viewer)).is_some());
    }

    #[test]
    fn levels_classes_hierarchy_and_time_limit_what_is_given_on() {
        // S2-013: the officer for THCS gives nothing for TH.
        let thcs = |role| Given { education_levels: EducationLevel::THCS.into(), ..given(role) };
        let giver = [held(thcs(Role::HeadTeacher))];
        assert_eq!(beyond(&giver, &thcs(Role::Clerk)), None);
        assert!(beyond(&giver, &given(Role::Clerk)).is_some());
        let both = Given { education_levels: EducationLevels::from([EducationLevel::TH, EducationLevel::THCS]), ..given(Role::Clerk) };
        assert!(beyond(&giver, &both).is_some());
        let th = Given { education_levels: EducationLevel::TH.into(), ..given(Role::HeadTeacher) };
        assert_eq!(beyond(&[held(th), giver[0].clone()], &both), None);
        // S2-016: for one class.
        let class = Given { class_ids: vec![Uuid::from_u128(7)], ..given(Role::Teacher) };
        assert_eq!(beyond(&[held(given(Role::HeadTeacher))], &class), None);
        assert!(beyond(&[held(Given { role: Role::HeadTeacher, ..class.clone() })], &given(Role::Teacher)).is_some());
        let administrative = Given { hierarchy: Hierarchy::Administrative, ..given(Role::Clerk) };
        assert!(beyond(&[held(given(Role::HeadTeacher))], &administrative).is_some());
        let root = HeldGrant { in_root: true, above: false, ..held(given(Role::Administrator)) };
        assert_eq!(beyond(&[root], &administrative), None);
        let until = |day: &str, role| Given { valid_until: Some(day.parse().unwrap()), ..given(role) };
        let giver = [held(until("2026-05-31", Role::HeadTeacher))];
        assert_eq!(beyond(&giver, &until("2026-05-31", Role::Clerk)), None);
        assert!(beyond(&giver, &until("2026-06-01", Role::Clerk)).is_some() && beyond(&giver, &given(Role::Clerk)).is_some());
    }

    /// Mostly those who may give at all.
    const GIVERS: &[Role] = &[Role::Administrator, Role::HeadTeacher, Role::Administrator, Role::Clerk];

    /// A small world: units 0 (root), 1 and 2 below it, 3 below 1 professionally and below 2 administratively.
    fn is_above(hierarchy: Hierarchy, above: u8, unit: u8) -> bool {
        let parent = if hierarchy == Hierarchy::Professional { 1 } else { 2 };
        above == unit || above == 0 || (unit == 3 && above == parent)
    }

    /// The rule of `registrar_access::scope`, in words of this world: may the holder do the action with the record?
    fn reaches(given: &Given, unit: u8, action: Action, record: (u8, Option<EducationLevel>, Option<Uuid>), day: NaiveDate) -> bool {
        let (at, level, class) = record;
        let whole_tenant = unit == 0 && given.education_levels.is_empty() && given.class_ids.is_empty();
        let levels = given.education_levels.is_empty() || level.is_some_and(|level| given.education_levels.contains(level));
        let classes = given.class_ids.is_empty() || class.is_some_and(|class| given.class_ids.contains(&class));
        allows(given.role, action) && given.valid_until.is_none_or(|until| day <= until) && (whole_tenant || (is_above(given.hierarchy, unit, at) && levels && classes))
    }

    prop_compose! {
        fn any_given(roles: &'static [Role])(role in prop::sample::select(roles), administrative in any::<bool>(), levels in prop::collection::vec(0..2usize, 0..3),
                       classes in prop::collection::vec(1u128..3, 0..3), until in prop::option::of(1u32..4)) -> Given {
            Given {
                role,
                hierarchy: if administrative { Hierarchy::Administrative } else { Hierarchy::Professional },
                education_levels: levels.into_iter().map(|level| [EducationLevel::TH, EducationLevel::THCS][level]).collect(),
                class_ids: classes.into_iter().map(Uuid::from_u128).collect(),
                valid_until: until.map(|day| NaiveDate::from_ymd_opt(2025, 9, day).unwrap()),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn nobody_gets_to_do_what_the_giver_could_not(held in prop::collection::vec((any_given(GIVERS), 0u8..4), 1..6), wanted in any_given(Role::ALL), unit in 0u8..4) {
            let grants: Vec<HeldGrant> = held.iter().map(|(given, at)| HeldGrant { given: given.clone(), in_root: *at == 0, above: is_above(given.hierarchy, *at, unit) }).collect();
            if beyond(&grants, &wanted).is_some() {
                return Ok(());
            }
            for action in Action::ALL {
                for at in 0..4 {
                    for level in [None, Some(EducationLevel::TH), Some(EducationLevel::THCS)] {
                        for class in [None, Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2))] {
                            for day in 1..5 {
                                let (record, day) = ((at, level, class), NaiveDate::from_ymd_opt(2025, 9, day).unwrap());
                                // The whole tenant is given only by whoever holds all of it.
                                if reaches(&wanted, unit, *action, record, day) {
                                    prop_assert!(held.iter().any(|(given, at)| reaches(given, *at, *action, record, day)), "{action:?} {record:?} {day}");
                                }
                            }
                        }
                    }
                }
            }
        }

        #[test]
        fn a_giver_may_give_on_exactly_what_is_held_by_an_administrator(given in any_given(Role::ALL)) {
            let administrator = Given { role: Role::Administrator, ..given.clone() };
            prop_assert_eq!(beyond(&[HeldGrant { given: administrator, in_root: false, above: true }], &given), None);
        }
    }
}
