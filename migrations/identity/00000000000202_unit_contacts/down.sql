alter table units drop column phone, drop column email, drop column address;
