-- The rules by which days begin and end, as compiled (TZif): clocks are counted by these and not by what is installed.
create table zone_version (
    name text not null,
    version int not null check (version >= 1),
    digest text not null,
    tzif bytea not null,
    source text not null,
    applied_at timestamptz not null,
    primary key (name, version)
);

-- How many open clocks a version was about when it was applied, of what its country saw then; null: not asked.
alter table calendar_version add column open_clocks int;

-- Why a request waits to be counted anew, e.g. 'calendar ES 3'; emptied when it was.
alter table request add column stale_causes text[] not null default '{}';

-- What a change of days or law moved, as it was found when the request was counted anew. Never changed.
create table date_move (
    id uuid primary key,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    clock_key text not null,
    stage text not null,
    due_on_before date,
    due_on_after date,
    due_at_before timestamptz,
    due_at_after timestamptz,
    causes text[] not null check (cardinality(causes) > 0),
    moved_at timestamptz not null
);
create index date_move_of_request on date_move (request_id);
create index date_move_by_cause on date_move using gin (causes);

grant select on zone_version, date_move to mla_api, mla_jobs;
grant insert on zone_version, date_move to mla_api, mla_jobs;
