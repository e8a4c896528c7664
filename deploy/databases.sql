-- A database per service, and the extension that searching names needs.
create database identity;
create database personnel;
create database students;
create database reporting;
