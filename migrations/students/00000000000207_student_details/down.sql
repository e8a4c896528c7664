alter table students
    drop column identity_status, drop column identity_checked_on, drop column phone, drop column photo, drop column birth_place,
    drop column nationality, drop column permanent_address, drop column permanent_area, drop column current_address,
    drop column current_area, drop column cohort, drop column ethnic_group, drop column religion, drop column policy_category,
    drop column disability, drop column health, drop column identifiers;
