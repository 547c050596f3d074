-- What changed, for systems that follow along: ids and codes, never a word of content. The database writes it, in the
-- transaction of the change, whatever program or hand makes that; nobody at runtime can write, alter or forge a row.
create table change (
    id uuid primary key,
    -- The order of writing, for numbering alone. Transactions end in another order than they write in, so nobody resumes
    -- by it; but changes of one record never stand in it against their order, since their writers wait for each other.
    written bigint generated always as identity,
    -- The place in the feed: null until the transaction was seen to have ended, then higher than any given before.
    position bigint check (position >= 1),
    at timestamptz not null,
    what text not null check (what ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$'),
    -- No foreign key: the triggers alone write here, from the request's own row, and no request is ever deleted. To look
    -- it up once more for each change, and to lock it, proves nothing.
    request_id uuid,
    requesting_country text,
    requested_country text,
    -- The sides that may know of it: of a draft, of an own officer, of a link to an own draft the other side may not.
    seen_by text[],
    version int,
    version_requesting int,
    version_requested int,
    event_ids uuid[] not null default '{}',
    flag_id uuid,
    agreement_id uuid references agreement on delete restrict,
    agreement_event_id uuid,
    country text,
    limit_id text,
    check (num_nonnulls(request_id, agreement_id, country) = 1),
    check ((request_id is null) = (seen_by is null)),
    check (num_nonnulls(request_id, requesting_country, requested_country) in (0, 3))
);
create unique index change_unnumbered on change (written) where position is null;
-- What has no place yet stands in none of these: a sweep that raises many flags writes it twice otherwise.
create unique index change_position on change (position) where position is not null;
create index change_requesting on change (requesting_country, position)
    where request_id is not null and position is not null;
create index change_requested on change (requested_country, position)
    where request_id is not null and position is not null;
create index change_public on change (position) where request_id is null and position is not null;

-- How far positions are given, and up to where the feed was emptied since it was old. One row, from the first use on.
create table change_head (
    one boolean primary key default true check (one),
    last bigint not null default 0,
    emptied_to bigint not null default 0 check (emptied_to between 0 and last)
);

-- Gives the next positions to what has been committed. One at a time: who waits for the row sees, in the statement after
-- that, all that the one before has numbered. So no position is ever given below one that a reader may have passed, and a
-- transaction that is still open holds up nobody: it is numbered when it is done. At READ COMMITTED alone, where each
-- statement sees anew.
create function mla_number_changes(most int) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    head bigint;
    done int;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise invalid_transaction_state using message = 'mla_number_changes: each statement must see anew';
    end if;
    if not exists (select from change where position is null) then
        return 0;
    end if;
    insert into change_head default values on conflict do nothing;
    select last into head from change_head for update;
    with waiting as (
        select id, row_number() over (order by written) as n
        from (select id, written from change where position is null order by written limit most) w)
    update change set position = head + waiting.n from waiting where change.id = waiting.id;
    get diagnostics done = row_count;
    update change_head set last = head + done;
    return done;
end $$;

create function mla_feed(out last bigint, out emptied_to bigint)
    language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(max(h.last), 0), coalesce(max(h.emptied_to), 0) from change_head h
$$;

-- Takes what is older than an instant from the beginning of the feed, up to the first that is not; gives how many.
create function mla_empty_feed(older_than timestamptz, most int) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    until bigint;
    done int;
begin
    select least(
            (select min(c.position) - 1 from change c where c.at >= older_than),
            (select max(w.position) from (select c.position from change c where c.position is not null
                order by c.position limit most) w))
        into until;
    if until is null then
        return 0;
    end if;
    update change_head set emptied_to = greatest(emptied_to, until);
    delete from change where position <= until;
    get diagnostics done = row_count;
    return done;
end $$;

-- A version of a request was raised for one side or both. What it was is what the audit was told at the same instant; no
-- one tells it of a reading that moved since a calendar or a law did. At the end of the transaction, since some tell the
-- audit after they wrote.
create function mla_tell_request() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    sides text[];
    told record;
begin
    if tg_op = 'INSERT' then
        sides := case when new.shared then array[new.requesting_country, new.requested_country]
            else array[new.recorded_by] end;
        insert into change (id, at, what, request_id, requesting_country, requested_country, seen_by, version,
            version_requesting, version_requested)
        values (mla_uuid7(new.created_at), new.created_at, 'request.logged', new.id, new.requesting_country,
            new.requested_country, sides, new.version, new.version_requesting, new.version_requested);
        return null;
    end if;
    sides := array_remove(array[
        case when new.version_requesting <> old.version_requesting then new.requesting_country end,
        case when new.version_requested <> old.version_requested then new.requested_country end], null);
    if sides = '{}' then
        return null;
    end if;
    select e.what, e.details::jsonb -> 'changes' as rows into told from audit_entry e
        where e.chain_kind = 'request' and e.chain_id = new.id and e.position is not null and e.at = new.updated_at
            and e.what in ('request.amended', 'request.act_recorded', 'request.act_voided', 'request.erased')
        order by e.position desc limit 1;
    insert into change (id, at, what, request_id, requesting_country, requested_country, seen_by, version,
        version_requesting, version_requested, event_ids)
    values (mla_uuid7(new.updated_at), new.updated_at, coalesce(told.what, 'request.recounted'), new.id,
        new.requesting_country, new.requested_country, sides, new.version, new.version_requesting,
        new.version_requested, array(
            select coalesce(row -> 'key' ->> 'id', row -> 'key' ->> 'event_id')::uuid
            from jsonb_array_elements(told.rows) with ordinality as of_entry (row, n)
            where told.rows is not null and row ->> 'table' in ('request_event', 'event_void')
            order by row ->> 'table', n));
    return null;
end $$;
create constraint trigger told_to_the_feed after insert or update of version on request
    deferrable initially deferred for each row execute function mla_tell_request();

-- Flags in bulk, as the sweep raises them.
create function mla_tell_flags() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into change (id, at, what, request_id, requesting_country, requested_country, seen_by, version,
            version_requesting, version_requested, flag_id)
        select mla_uuid7(f.raised_at), f.raised_at, 'flag.raised', r.id, r.requesting_country, r.requested_country,
            case when r.shared then array[r.requesting_country, r.requested_country] else array[r.recorded_by] end,
            r.version, r.version_requesting, r.version_requested, f.id
        -- Looked up by its key, whatever a plan that was made for few or many flags makes of their number.
        from fresh f cross join lateral (select * from request where request.id = f.request_id limit 1) r;
        return null;
    end if;
    insert into change (id, at, what, request_id, requesting_country, requested_country, seen_by, version,
        version_requesting, version_requested, flag_id)
    select mla_uuid7(told.at), told.at, told.what, r.id, r.requesting_country, r.requested_country,
        case when told.side is not null then array[told.side]
            when r.shared then array[r.requesting_country, r.requested_country] else array[r.recorded_by] end,
        r.version, r.version_requesting, r.version_requested, f.id
    from fresh f join before b on b.id = f.id join request r on r.id = f.request_id
        cross join lateral (values
            ('flag.cleared', f.cleared_at, null, b.cleared_at is null and f.cleared_at is not null),
            ('flag.settled', f.settled_at, null, b.settled_at is null and f.settled_at is not null),
            ('flag.raised', f.raised_at, null, b.cleared_at is not null and f.cleared_at is null),
            -- What was met runs again. Nothing says when that was recorded but the request's own change.
            ('flag.unsettled', r.updated_at, null,
                b.settled_at is not null and f.settled_at is null and b.cleared_at is null),
            ('flag.acknowledged', f.acknowledged_requesting_at, f.requesting_country,
                b.acknowledged_requesting_at is null and f.acknowledged_requesting_at is not null),
            ('flag.acknowledged', f.acknowledged_requested_at, f.requested_country,
                b.acknowledged_requested_at is null and f.acknowledged_requested_at is not null)
        ) as told (what, at, side, so)
    where told.so;
    return null;
end $$;
create trigger told_to_the_feed_raised after insert on flag referencing new table as fresh
    for each statement execute function mla_tell_flags();
create trigger told_to_the_feed after update on flag referencing old table as before new table as fresh
    for each statement execute function mla_tell_flags();

-- Whom a side names is its own; to who is named, a case may begin with it.
create function mla_tell_readers() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into change (id, at, what, request_id, requesting_country, requested_country, seen_by, version,
        version_requesting, version_requested)
    select mla_uuid7(named.at), named.at, 'request.readers_changed', r.id, r.requesting_country, r.requested_country,
        array[named.country], r.version, r.version_requesting, r.version_requested
    from (select request_id, country, max(case tg_op when 'INSERT' then named_at else now() end) as at
            from named group by request_id, country) named
        join request r on r.id = named.request_id;
    return null;
end $$;
create trigger told_to_the_feed_named after insert on request_reader referencing new table as named
    for each statement execute function mla_tell_readers();
create trigger told_to_the_feed_unnamed after delete on request_reader referencing old table as named
    for each statement execute function mla_tell_readers();

create function mla_tell_agreement() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    told record;
begin
    if tg_op = 'INSERT' then
        insert into change (id, at, what, agreement_id, version)
        values (mla_uuid7(new.created_at), new.created_at, 'agreement.recorded', new.id, new.version);
        return null;
    end if;
    select e.what, e.details::jsonb -> 'changes' as rows into told from audit_entry e
        where e.chain_kind = 'agreement' and e.chain_id = new.id and e.position is not null and e.at = new.updated_at
            and e.what in ('agreement.changed', 'agreement.event_recorded', 'agreement.event_voided')
        order by e.position desc limit 1;
    insert into change (id, at, what, agreement_id, version, agreement_event_id)
    values (mla_uuid7(new.updated_at), new.updated_at, coalesce(told.what, 'agreement.changed'), new.id, new.version, (
        select (row -> 'key' ->> 'id')::uuid
        from jsonb_array_elements(told.rows) with ordinality as of_entry (row, n)
        where told.rows is not null and row ->> 'table' = 'agreement_event' order by n limit 1));
    return null;
end $$;
create constraint trigger told_to_the_feed after insert or update of version on agreement
    deferrable initially deferred for each row execute function mla_tell_agreement();

-- What a country sets for itself all may read.
create function mla_tell_published() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into change (id, at, what, country, limit_id, version)
    select mla_uuid7(told.at), told.at, told.what, told.country, told.limit_id, told.version
    from (select case tg_table_name when 'limit_version' then 'limit.policy_set'
                when 'calendar_version' then 'calendar.changed' else 'retention.set' end as what,
            to_jsonb(new) ->> 'country' as country,
            case tg_table_name when 'limit_version' then to_jsonb(new) ->> 'id' end as limit_id,
            (to_jsonb(new) ->> 'version')::int as version,
            (to_jsonb(new) ->> (case tg_table_name when 'limit_version' then 'recorded_at'
                when 'calendar_version' then 'applied_at' else 'set_at' end))::timestamptz as at) told;
    return null;
end $$;
create trigger told_to_the_feed after insert on limit_version
    for each row when (new.basis = 'policy' and new.country is not null) execute function mla_tell_published();
create trigger told_to_the_feed after insert on calendar_version
    for each row when (new.version > 1 and new.region = '') execute function mla_tell_published();
create trigger told_to_the_feed after insert on retention_rule
    for each row execute function mla_tell_published();

revoke execute on function mla_number_changes(int), mla_feed(), mla_empty_feed(timestamptz, int), mla_tell_request(),
    mla_tell_flags(), mla_tell_readers(), mla_tell_agreement(), mla_tell_published() from public;
grant execute on function mla_number_changes(int), mla_feed() to mla_api, mla_jobs;
grant execute on function mla_empty_feed(timestamptz, int) to mla_jobs;
grant select on change to mla_api;

-- Whoever sees the record now, if its side may know of the change.
alter table change enable row level security;
create policy seen on change for select to mla_api using (
    case
        when request_id is not null then seen_by && (select mla_countries())::text[]
            and exists (select from request r where r.id = request_id)
        when agreement_id is not null then exists (select from agreement a where a.id = agreement_id)
        else (select mla_countries())::text[] <> '{}'
    end);
