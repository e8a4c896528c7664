drop table secondary_employments;
drop function derive_secondary_employments cascade;
alter table staff
    drop column identity_status, drop column identity_checked_on, drop column former_employments, drop column secondary_employments,
    drop column photo, drop column birth_place, drop column nationality, drop column native_place, drop column permanent_address,
    drop column permanent_area, drop column current_address, drop column current_area, drop column marital_status,
    drop column ethnic_group, drop column religion, drop column family_priority, drop column own_priority, drop column identifiers,
    drop column contract_form, drop column contract_on, drop column recruited_on, drop column assigned_work, drop column work,
    drop column concurrent_title, drop column training, drop column main_subject, drop column secondary_subject, drop column subject_group;
