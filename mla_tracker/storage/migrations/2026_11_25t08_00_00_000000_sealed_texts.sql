-- Texts are sealed under a key of their request, which is itself wrapped by a key outside the database. To forget
-- a request its key is destroyed; the salt of a commitment goes with the text.
create table vault_key (
    name text primary key check (name in ('text', 'audit', 'checkpoint')),
    fingerprint text not null,
    recorded_at timestamptz not null
);

create table record_key (
    request_id uuid primary key references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    wrapped bytea,
    destroyed_at timestamptz,
    check ((wrapped is null) = (destroyed_at is not null))
);

alter table free_text
    add column sealed bytea,
    add column salt bytea,
    add column commitment bytea,
    add constraint free_text_sealed_whole
        check ((sealed is null) = (salt is null) and (sealed is null or commitment is not null)),
    add constraint free_text_erased_whole check (erased_at is null or (sealed is null and body is null));

grant select on vault_key to mla_api, mla_jobs;
grant select, insert on record_key to mla_api;
grant select on record_key to mla_jobs;
grant update (wrapped, destroyed_at) on record_key to mla_jobs;
