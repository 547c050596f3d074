-- The newest migration that an older program must know to work on beside this one; null: none works on.
alter table migration add column beside text;
