-- Who a request is about. All that is said of a person is one sealed document, so that nothing of it can be searched,
-- counted or left behind; the row stays when that is erased, with the commitment by which the history is bound to it.
create table person (
    id uuid primary key,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    recorded_by text not null check (recorded_by in (requesting_country, requested_country)),
    recorded_by_account uuid not null references account on delete restrict,
    part text not null check (part in (
        'person_sought', 'suspect', 'accused', 'convicted', 'witness', 'victim', 'expert', 'other')),
    sealed bytea,
    salt bytea,
    commitment bytea not null,
    version int not null default 1 check (version >= 1),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    erased_at timestamptz,
    erased_for text check (erased_for in (
        'recorded_in_error', 'not_concerned', 'asked_by_the_person', 'ordered', 'retention')),
    check ((sealed is null) = (salt is null)),
    check ((sealed is null) = (erased_at is not null)),
    check ((erased_for is null) = (erased_at is null))
);
create index person_request on person (request_id, created_at, id);

-- Notes that a side keeps on a case as such have an author and an instant; those beside an act have those of the act.
alter table free_text
    add column recorded_by_account uuid references account on delete restrict,
    add column recorded_at timestamptz,
    add column erased_for text check (erased_for in (
        'recorded_in_error', 'not_concerned', 'asked_by_the_person', 'ordered', 'retention')),
    drop constraint free_text_field_check,
    add constraint free_text_field_check check (field in (
        'subject', 'urgency_reason', 'wished_by_reason', 'note', 'reason', 'void_reason', 'side_note')),
    add constraint free_text_side_note_whole check (field <> 'side_note' or (
        owner_country is not null and recorded_by_account is not null and recorded_at is not null));
create index free_text_side_note on free_text (request_id, recorded_at, id) where field = 'side_note';

-- When persons and texts of a request were erased as a whole, since it was over for long enough.
alter table request add column erased_at timestamptz;
create index request_to_forget on request (id) where status = 'closed' and erased_at is null;

-- How long a country keeps persons and texts of closed requests. Version 1 is that of every country that has said
-- nothing, and stands in no row: it keeps. Years null: keeps.
create table retention_rule (
    country text not null check (country ~ '^[A-Z]{2}$'),
    version int not null check (version >= 2),
    years int check (years between 0 and 100),
    by_kind jsonb not null default '{}' check (jsonb_typeof(by_kind) = 'object'),
    set_by_account uuid not null references account on delete restrict,
    set_at timestamptz not null,
    primary key (country, version)
);

grant select, insert on person to mla_api;
grant update (part, sealed, salt, commitment, version, updated_at, erased_at, erased_for) on person to mla_api;
grant update (erased_for) on free_text to mla_api;
grant select, insert on retention_rule to mla_api;
-- The job destroys what it cannot read.
grant select (id, request_id, requesting_country, requested_country, commitment, version, erased_at, erased_for),
    update (sealed, salt, version, updated_at, erased_at, erased_for) on person to mla_jobs;
grant select (recorded_at, erased_for), update (erased_for) on free_text to mla_jobs;
grant insert on record_key to mla_jobs;
grant select on retention_rule to mla_jobs;

alter table person enable row level security;
create policy seen on person to mla_api using (
    (requesting_country = any((select mla_countries())::text[])
        or requested_country = any((select mla_countries())::text[]))
    and exists (select from request r where r.id = request_id))
    with check (requesting_country = any((select mla_countries())::text[])
        or requested_country = any((select mla_countries())::text[]));
create policy of_those_who_work_on_it on person as restrictive to mla_api using (
    (select mla_account_role()) in ('officer', 'head', 'integration'));
create policy recorded_in_ones_own_name on person as restrictive for insert to mla_api with check (
    recorded_by = any((select mla_countries())::text[]) and recorded_by_account = (select mla_account()));
create policy changed_by_who_recorded on person as restrictive for update to mla_api using (
    recorded_by = any((select mla_countries())::text[]));
create policy worked_on on person to mla_jobs using (true) with check (true);
create trigger hangs_on_a_request_seen after insert on person referencing new table as fresh
    for each statement when (current_user = 'mla_api') execute function mla_hangs_on_a_request_seen();
-- A note is written in the name of one's own side alone.
create policy noted_in_ones_own_name on free_text as restrictive for insert to mla_api with check (
    field <> 'side_note' or (owner_country = any((select mla_countries())::text[])
        and owner_country in (requesting_country, requested_country)
        and recorded_by_account = (select mla_account())));

alter table retention_rule enable row level security;
create policy read_by_all on retention_rule for select to mla_api using (true);
create policy own on retention_rule for insert to mla_api with check (
    country = any((select mla_countries())::text[]) and set_by_account = (select mla_account()));
create policy worked_on on retention_rule to mla_jobs using (true);

-- A key that was destroyed lies in the file as a dead row until the table is vacuumed: at the next look then.
alter table record_key set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
-- And what was erased or replaced by itself, under a key that goes on.
alter table person set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
alter table free_text set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
-- By which the job knows that something was added of late.
grant select (updated_at) on person to mla_jobs;
