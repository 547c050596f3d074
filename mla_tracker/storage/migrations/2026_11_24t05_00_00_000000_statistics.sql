-- Read off the history as status and outcome are (domain/tallies.py). Until a request was counted anew it is in no figure.
alter table request add column tally jsonb not null default '{}';
update request set stale_since = now();

-- What a country says its books showed at the start of a period. Statements are added, never changed: the last one holds.
create table opening_balance (
    id uuid primary key,
    country text not null check (country ~ '^[A-Z]{2}$'),
    side text not null check (side in ('requesting', 'requested')),
    kind text check (kind in ('evidence', 'extradition', 'proceedings')),
    first_day date not null,
    count int not null check (count >= 0),
    reason text not null check (length(reason) between 1 and 500),
    recorded_by_account uuid not null references account on delete restrict,
    recorded_at timestamptz not null
);
create index opening_balance_of_country on opening_balance (country, recorded_at desc, id desc);

grant select on opening_balance to mla_api, mla_jobs;
grant insert on opening_balance to mla_api;
