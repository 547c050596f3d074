-- Where an account asked to be told of what is due. The address is sealed under a key of the row; whoever holds the
-- database alone reads none, and with the row both are gone. The audit is bound to it by the commitment.
create table notification (
    account_id uuid primary key references account on delete restrict,
    wrapped bytea not null,
    sealed bytea not null,
    salt bytea not null,
    commitment bytea not null,
    address_set_at timestamptz not null,
    -- From which the code follows that was sent to the address; the code itself is stored nowhere.
    challenge bytea not null,
    code_until timestamptz not null,
    code_tries int not null default 0 check (code_tries >= 0),
    confirmed_at timestamptz,
    digest text not null check (digest in ('daily', 'off')),
    urgent boolean not null,
    urgent_since timestamptz,
    -- Refusals on end, and the reply of the last; after some the address is used no more until it is confirmed anew.
    refusals int not null default 0 check (refusals >= 0),
    refused_with int check (refused_with between 400 and 599),
    suspended_at timestamptz,
    -- 1 is that of an account which asked for nothing, and stands in no row.
    version int not null default 2 check (version >= 2),
    check (not urgent or urgent_since is not null)
);

-- What is to be sent or was, by ids alone: a digest per account and day, a mail per account and raising of an urgent flag.
create table mail (
    id uuid primary key,
    account_id uuid not null references account on delete restrict,
    kind text not null check (kind in ('digest', 'urgent', 'code')),
    digest_on date,
    flag_id uuid references flag on delete restrict,
    -- A flag that was cleared, in error perhaps, and is raised again is told again.
    flag_raised_at timestamptz,
    status text not null default 'waiting' check (status in ('waiting', 'claimed', 'sent', 'failed', 'dropped')),
    not_before timestamptz not null,
    until timestamptz not null,
    attempts int not null default 0 check (attempts >= 0),
    claimed_as uuid,
    lease_until timestamptz,
    reply int check (reply between 200 and 599),
    created_at timestamptz not null,
    ended_at timestamptz,
    check ((kind = 'digest') = (digest_on is not null)),
    check ((kind = 'urgent') = (flag_id is not null and flag_raised_at is not null)),
    check ((status = 'claimed') = (claimed_as is not null and lease_until is not null)),
    check ((status in ('sent', 'failed', 'dropped')) = (ended_at is not null))
);
create unique index mail_digest_once on mail (account_id, digest_on) where kind = 'digest';
create unique index mail_flag_once on mail (account_id, flag_id, flag_raised_at) where kind = 'urgent';
create index mail_by_flag on mail (flag_id) where kind = 'urgent';
create index mail_to_do on mail (not_before, id) where status in ('waiting', 'claimed');
create index mail_by_account on mail (account_id, created_at desc);
create index mail_old on mail (created_at);
-- Which flags were raised of late is asked every minute.
create index flag_open_raised on flag (raised_at) where cleared_at is null and settled_at is null;

-- The token of a calendar program, which can read this account's due dates and nothing else.
create table calendar_feed (
    account_id uuid primary key references account on delete restrict,
    token_hash bytea not null unique,
    made_at timestamptz not null,
    last_used_at timestamptz
);

-- Whose feed a token is of, before it is known who asks; given to whoever holds the token.
create function mla_feed_bearer(hash bytea) returns table (
    account_id uuid, name text, countries text[], role text, last_used_at timestamptz
) language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select account.id, account.name, account.countries, account.role, feed.last_used_at
    from calendar_feed feed join account on account.id = feed.account_id
    where feed.token_hash = hash and account.disabled_at is null
$$;
revoke all on function mla_feed_bearer(bytea) from public;
grant execute on function mla_feed_bearer(bytea) to mla_api;

grant select, insert, delete on notification, calendar_feed, mail to mla_api;
grant update (wrapped, sealed, salt, commitment, address_set_at, challenge, code_until, code_tries, confirmed_at, digest,
    urgent, urgent_since, refusals, refused_with, suspended_at, version) on notification to mla_api;
grant update (token_hash, made_at, last_used_at) on calendar_feed to mla_api;
-- The jobs see who asked for what; addresses are read in the name of their account alone.
grant select (account_id, confirmed_at, digest, urgent, urgent_since, refusals, refused_with, suspended_at)
    on notification to mla_jobs;
grant update (refusals, refused_with) on notification to mla_jobs;
grant select, insert, update, delete on mail to mla_jobs;

-- One's own; of others an administrator of their countries may only take them away, when he ends an account.
alter table notification enable row level security;
create policy own on notification to mla_api
    using (account_id = (select mla_account())) with check (account_id = (select mla_account()));
create policy ended_by_administrators on notification for delete to mla_api using (
    (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id));
create policy known_to_administrators on notification for select to mla_api using (
    (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id));
create policy worked_on on notification to mla_jobs using (true) with check (true);
alter table calendar_feed enable row level security;
create policy own on calendar_feed to mla_api
    using (account_id = (select mla_account())) with check (account_id = (select mla_account()));
create policy ended_by_administrators on calendar_feed for delete to mla_api using (
    (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id));
create policy known_to_administrators on calendar_feed for select to mla_api using (
    (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id));
alter table mail enable row level security;
-- An account asks for a code; all else is planned by the jobs.
create policy own on mail for select to mla_api using (account_id = (select mla_account()));
create policy code_asked_for on mail for insert to mla_api with check (
    account_id = (select mla_account()) and kind = 'code' and status = 'waiting');
create policy no_longer_to_be_sent on mail for delete to mla_api using (
    status = 'waiting' and (account_id = (select mla_account())
        or (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id)));
create policy ended_by_administrators on mail for select to mla_api using (
    (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id));
create policy worked_on on mail to mla_jobs using (true) with check (true);

-- An address that was taken back lies in the file as a dead row until the table is vacuumed: at the next look then.
alter table notification set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
