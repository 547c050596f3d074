-- Calls to the outside: whoever wants to be told of changes names an address. It belongs to an account, is told what that
-- account sees, and nothing but ids and codes.
create table webhook (
    id uuid primary key,
    account_id uuid not null references account on delete restrict,
    url text not null check (length(url) between 1 and 2000),
    host text not null check (length(host) between 1 and 300),
    -- Null: all kinds of changes.
    kinds text[],
    -- The secret that calls are signed with, and the one before it while both are; sealed under a key outside.
    sealed bytea not null,
    former_sealed bytea,
    former_until timestamptz,
    -- How far the feed was read for it.
    position bigint not null check (position >= 0),
    version int not null default 1 check (version >= 1),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- Since when no call has succeeded.
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text check (disabled_reason in ('by_account', 'failing', 'gone')),
    check ((former_sealed is null) = (former_until is null)),
    check ((disabled_at is null) = (disabled_reason is null))
);
create index webhook_account on webhook (account_id, created_at, id);

-- One per endpoint and change: its id is the webhook-id, the same at each attempt.
create table webhook_delivery (
    id uuid primary key,
    webhook_id uuid not null references webhook on delete cascade,
    change_id uuid not null references change on delete cascade,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
    attempts int not null default 0 check (attempts >= 0),
    created_at timestamptz not null,
    next_at timestamptz,
    -- Who is at it, and until when nobody else may be.
    lease uuid,
    lease_until timestamptz,
    last_at timestamptz,
    status int,
    fault text check (fault ~ '^[a-z_]{1,40}$'),
    unique (webhook_id, change_id),
    check ((state = 'pending') = (next_at is not null)),
    check ((lease is null) = (lease_until is null))
);
create index webhook_delivery_due on webhook_delivery (webhook_id, next_at) where state = 'pending';
create index webhook_delivery_listing on webhook_delivery (webhook_id, created_at, id);
create index webhook_delivery_change on webhook_delivery (change_id);

grant select, insert, delete on webhook to mla_api;
grant update (url, host, kinds, sealed, former_sealed, former_until, position, version, updated_at, failing_since,
    disabled_at, disabled_reason) on webhook to mla_api;
grant select, insert on webhook_delivery to mla_api;
grant update (state, attempts, next_at) on webhook_delivery to mla_api;
-- Jobs send; what there is to send and whether it may be, they ask in the name of the account.
grant select on webhook, webhook_delivery to mla_jobs;
grant update (version, updated_at, failing_since, disabled_at, disabled_reason, former_sealed, former_until) on webhook
    to mla_jobs;
grant update (state, attempts, next_at, lease, lease_until, last_at, status, fault), delete on webhook_delivery to mla_jobs;

alter table webhook enable row level security;
create policy own on webhook to mla_api
    using (account_id = (select mla_account())) with check (account_id = (select mla_account()));
create policy worked_on on webhook to mla_jobs using (true) with check (true);
-- A delivery whose change the account does not see any more is not there for it.
alter table webhook_delivery enable row level security;
create policy own on webhook_delivery to mla_api using (
    exists (select from webhook w where w.id = webhook_id) and exists (select from change c where c.id = change_id));
create policy worked_on on webhook_delivery to mla_jobs using (true) with check (true);
