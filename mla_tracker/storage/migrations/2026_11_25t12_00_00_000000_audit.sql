-- Who did what, when and from where. The MAC of an entry binds it to the one before it in its chain, under a key outside
-- the database; the leaf is its number in the tree that checkpoints sign. Which names there are of chains and of what
-- happened is for domain/audit.py to say, so that a new one needs no change of the table.
create table audit_entry (
    id uuid primary key,
    chain_kind text not null check (chain_kind ~ '^[a-z_]{1,40}$'),
    chain_id uuid not null,
    -- Null for readings, which stand beside the chain: readers wait for nobody.
    position int check (position >= 1),
    at timestamptz not null,
    account_id uuid references account on delete restrict,
    account_role text check (account_role in ('officer', 'head', 'ministry', 'integration', 'auditor', 'admin')),
    country text check (country ~ '^[A-Z]{2}$'),
    seen_by text[] not null,
    address text check (length(address) between 1 and 200),
    credential text check (length(credential) between 1 and 200),
    request_id text check (length(request_id) between 1 and 200),
    what text not null check (what ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$'),
    details text not null check (details like '{%}'),
    mac bytea not null check (length(mac) = 32),
    leaf bigint unique check (leaf >= 0),
    unique (chain_kind, chain_id, position),
    check ((account_id is null) = (account_role is null))
);
create index audit_entry_unsealed on audit_entry (id) where leaf is null;
create index audit_entry_by_account on audit_entry (account_id, id);
create index audit_entry_readings on audit_entry (chain_kind, chain_id) where position is null;

-- A row for each sealing: the tree over the first `size` leaves. `frontier` are the roots of its full subtrees from
-- left to right, so that the next sealing costs only what is new; `leaves` are the hashes of the leaves that it added, so
-- that an entry can be proven without reading any other, and one that was changed is known from its neighbours.
create table audit_checkpoint (
    number int primary key check (number >= 1),
    size bigint not null unique check (size >= 1),
    root bytea not null check (length(root) = 32),
    frontier bytea not null check (length(frontier) % 32 = 0),
    leaves bytea not null check (length(leaves) % 32 = 0),
    at timestamptz not null,
    note text not null
);

-- What was last published where, so that what could not be is tried again.
create table audit_publication (
    target text primary key check (target in ('file', 'url')),
    number int not null,
    published_at timestamptz not null
);

-- For everyone, the owner too. An owner can take a trigger away; what is changed then, the MAC and the tree find.
create function audit_stays() returns trigger language plpgsql as $$
declare
    numbered audit_entry;
begin
    if tg_op = 'UPDATE' and tg_table_name = 'audit_entry' then
        numbered := old;
        numbered.leaf := new.leaf;
        if old.leaf is null and new.leaf is not null and numbered is not distinct from new then
            return new;
        end if;
    end if;
    raise exception 'The audit is only appended to: % of % is refused.', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;

create trigger audit_entry_stays before update or delete on audit_entry
    for each row execute function audit_stays();
create trigger audit_entry_is_not_emptied before truncate on audit_entry
    for each statement execute function audit_stays();
create trigger audit_checkpoint_stays before update or delete on audit_checkpoint
    for each row execute function audit_stays();
create trigger audit_checkpoint_is_not_emptied before truncate on audit_checkpoint
    for each statement execute function audit_stays();

-- The end of a chain, for whoever appends to it: entries that only the other side may read are bound too.
create function audit_head(kind text, id uuid) returns table (last int, last_mac bytea)
language sql stable security definer set search_path = pg_catalog, public as $$
    select e.position, e.mac from public.audit_entry e
    where e.chain_kind = audit_head.kind and e.chain_id = audit_head.id and e.position is not null
    order by e.position desc limit 1
$$;
revoke all on function audit_head(text, uuid) from public;
grant execute on function audit_head(text, uuid) to mla_api, mla_jobs;

grant select on audit_entry, audit_checkpoint to mla_api, mla_jobs;
grant insert (id, chain_kind, chain_id, position, at, account_id, account_role, country, seen_by, address, credential,
    request_id, what, details, mac) on audit_entry to mla_api, mla_jobs;
grant update (leaf) on audit_entry to mla_jobs;
grant insert on audit_checkpoint to mla_jobs;
grant select, insert, update on audit_publication to mla_jobs;
