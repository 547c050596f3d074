-- A file of records handed in at once. The row remembers how far it was taken, in the transaction that took it: whoever
-- goes on after a node was killed begins there. What was handed in lies here sealed, where every node can read it, until
-- the import is over; then it is deleted and its key destroyed.
create table bulk_import (
    id uuid primary key,
    account_id uuid not null references account on delete restrict,
    country text not null check (country ~ '^[A-Z]{2}$'),
    scopes text[] not null,
    origin jsonb not null default '{}' check (jsonb_typeof(origin) = 'object'),
    kind text not null check (kind in ('agreements', 'requests', 'directory')),
    format text not null check (format in ('csv', 'ndjson')),
    encoding text not null,
    days text not null check (days in ('iso', 'day_first', 'month_first')),
    all_or_nothing boolean not null,
    dry_run boolean not null,
    kept_here boolean not null,
    wrapped bytea,
    digest bytea,
    bytes bigint not null default 0 check (bytes >= 0),
    status text not null check (status in ('receiving', 'waiting', 'running', 'done', 'failed')),
    position bigint not null default 0 check (position >= 0),
    recorded bigint not null default 0 check (recorded >= 0),
    skipped bigint not null default 0 check (skipped >= 0),
    refused bigint not null default 0 check (refused >= 0),
    warned bigint not null default 0 check (warned >= 0),
    error text check (length(error) <= 1000),
    holder uuid,
    lease_until timestamptz,
    attempts int not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    finished_at timestamptz,
    check ((status in ('done', 'failed')) = (finished_at is not null))
);
create index bulk_import_country on bulk_import (country, created_at desc, id desc);
create index bulk_import_open on bulk_import (created_at, id) where status in ('receiving', 'waiting', 'running');

create table import_chunk (
    import_id uuid not null references bulk_import on delete restrict,
    number int not null check (number >= 0),
    sealed bytea not null,
    primary key (import_id, number)
);
-- What was told of a row: a refusal, or a warning on one that was taken.
create table import_remark (
    import_id uuid not null references bulk_import on delete restrict,
    row_number bigint not null check (row_number >= 0),
    number int not null,
    refused boolean not null,
    field text not null check (length(field) <= 200),
    reason text not null check (length(reason) <= 2000),
    primary key (import_id, row_number, number)
);

-- Central authorities and contact points: for everybody to read, kept by the country itself.
create table directory_entry (
    id uuid primary key,
    country text not null check (country ~ '^[A-Z]{2}$'),
    external_reference text,
    authority text not null,
    functions text[] not null default '{}',
    instruments text[] not null default '{}',
    languages text[] not null default '{}',
    address text,
    phone text,
    email text,
    valid_from date,
    valid_to date,
    recorded_by_account uuid not null references account on delete restrict,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (country, external_reference)
);
create index directory_entry_listed on directory_entry (country, authority, id);

grant select, insert on bulk_import, import_remark, directory_entry to mla_api;
grant update (wrapped, digest, bytes, status, position, recorded, skipped, refused, warned, error, holder, lease_until,
    updated_at, finished_at) on bulk_import to mla_api;
grant select, insert, delete on import_chunk to mla_api;
grant delete on import_remark to mla_api;
grant update (authority, functions, instruments, languages, address, phone, email, valid_from, valid_to, updated_at)
    on directory_entry to mla_api;
grant select, delete on bulk_import to mla_jobs;
-- By the digest of a short file whoever guesses what it said would know that he is right: it goes with the file.
grant update (wrapped, digest, status, error, holder, lease_until, attempts, updated_at, finished_at)
    on bulk_import to mla_jobs;
-- The job erases what it cannot read.
grant select (import_id, number), delete on import_chunk to mla_jobs;
grant select, delete on import_remark to mla_jobs;
grant select on directory_entry to mla_jobs;

alter table bulk_import enable row level security;
create policy of_ones_country on bulk_import for select to mla_api using (country = any((select mla_countries())::text[]));
create policy in_ones_own_name on bulk_import for insert to mla_api with check (
    account_id = (select mla_account()) and country = any((select mla_countries())::text[]));
create policy ones_own on bulk_import for update to mla_api using (account_id = (select mla_account()));
create policy worked_on on bulk_import to mla_jobs using (true) with check (true);

-- What was handed in is read in the name of who handed it in, and of nobody else.
alter table import_chunk enable row level security;
create policy ones_own on import_chunk to mla_api using (exists (
    select from bulk_import i where i.id = import_id and i.account_id = (select mla_account())));
create policy worked_on on import_chunk to mla_jobs using (true);

alter table import_remark enable row level security;
-- What is told of a row may say what it says, of a case that colleagues do not see: it is for who handed it in.
create policy ones_own_read on import_remark for select to mla_api using (exists (
    select from bulk_import i where i.id = import_id and i.account_id = (select mla_account())));
create policy in_ones_own_name on import_remark for insert to mla_api with check (exists (
    select from bulk_import i where i.id = import_id and i.account_id = (select mla_account())));
create policy ones_own on import_remark for delete to mla_api using (exists (
    select from bulk_import i where i.id = import_id and i.account_id = (select mla_account())));
create policy worked_on on import_remark to mla_jobs using (true);

alter table directory_entry enable row level security;
create policy read_by_all on directory_entry for select to mla_api using (true);
create policy own on directory_entry for insert to mla_api with check (
    country = any((select mla_countries())::text[]) and recorded_by_account = (select mla_account()));
create policy amended on directory_entry for update to mla_api using (country = any((select mla_countries())::text[]));
create policy worked_on on directory_entry to mla_jobs using (true);

alter table import_chunk set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
