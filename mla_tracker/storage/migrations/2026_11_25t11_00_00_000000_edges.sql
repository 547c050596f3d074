-- How much of an allowance of calls the nodes have taken in a window. Unlogged: after a crash everybody starts anew,
-- and no call waits for a disk. Every row is updated often and kept for minutes, hence the room left in each page.
create unlogged table call_window (
    subject text not null check (char_length(subject) <= 100),
    began_at timestamptz not null,
    used int not null check (used >= 0),
    granted int not null check (granted >= 0),
    primary key (subject, began_at)
) with (fillfactor = 50);
create index call_window_by_age on call_window (began_at);

grant select, insert, update on call_window to mla_api;
grant select, delete on call_window to mla_jobs;

-- The running program looks whether the schema is its own, also under a login that owns nothing.
grant select on migration to mla_api, mla_jobs;
