-- The second wall between countries: whatever a query forgets to ask, the runtime role sees the rows of its viewer alone.
-- The viewer is set per transaction (mla.countries, mla.account, mla.account_role); without one no request is seen.
-- The owner of the tables is above it: it migrates and repairs, and serves nobody.

create function mla_countries() returns text[] language sql stable parallel safe as $$
    select string_to_array(coalesce(current_setting('mla.countries', true), ''), ',')
$$;
create function mla_account() returns uuid language sql stable parallel safe as $$
    select nullif(current_setting('mla.account', true), '')::uuid
$$;
create function mla_account_role() returns text language sql stable parallel safe as $$
    select coalesce(current_setting('mla.account_role', true), '')
$$;

-- How a case is handled: open to the accounts of its countries, restricted to officers and heads, confidential to those
-- named. It stands on the clock too, since worklists and reports read clocks alone.
alter table request add column handling text not null default 'open' check (handling in ('open', 'restricted', 'confidential'));
alter table clock add column handling text not null default 'open' check (handling in ('open', 'restricted', 'confidential'));

create table request_reader (
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    country text not null check (country in (requesting_country, requested_country)),
    account_id uuid not null references account on delete restrict,
    named_by uuid references account on delete restrict,
    named_at timestamptz not null,
    primary key (request_id, account_id)
);
create index request_reader_account on request_reader (account_id, request_id);

-- Above row policies, so that a policy of request can ask who is named without asking itself.
create function mla_may_handle(request_id uuid, handling text) returns boolean
    language sql stable security definer set search_path = public, pg_temp as $$
    select case handling
        when 'open' then true
        when 'restricted' then mla_account_role() in ('officer', 'head')
        else exists (select from request_reader n where n.request_id = $1 and n.account_id = mla_account())
            -- Nobody of that side was named yet: its heads see it, or it would lie there unseen.
            or mla_account_role() = 'head' and not exists (
                select from request_reader n where n.request_id = $1 and n.country = any(mla_countries()))
        end
$$;
revoke execute on function mla_may_handle(uuid, text) from public;
grant execute on function mla_may_handle(uuid, text) to mla_api;

-- Facts that no amendment touches are written once.
revoke update on request, agreement from mla_api;
grant update (urgency, agreement_id, convention, assistance, circumstances, offences, channel, language,
    external_reference, reference_requesting, reference_requested, assigned_requesting, assigned_requested, wished_by,
    handling, status, custody, outcome, reclassified_as, items, warnings, shared, first_act_on, ended_on, tally, version,
    stale_since, stale_causes, updated_at) on request to mla_api;
grant update (title, kind, scope, external_reference, signed_on, provisionally_applied_from, in_force_from,
    terminated_on, languages, limits, notes, visible_to_all_from, version, updated_at) on agreement to mla_api;
revoke update on free_text from mla_api;
grant update (body, sealed, salt, commitment, erased_at) on free_text to mla_api;
-- Jobs count and flag; they read no text.
revoke all on free_text from mla_jobs;
grant select (id, request_id, requesting_country, requested_country, field, event_id, commitment, erased_at),
    update (body, sealed, salt, erased_at) on free_text to mla_jobs;
grant select, insert, delete on request_reader to mla_api;
grant select on request_reader to mla_jobs;

alter table request enable row level security;
create policy seen on request for select to mla_api using (
    (requesting_country = any((select mla_countries())::text[]) or requested_country = any((select mla_countries())::text[]))
    and (shared or recorded_by = any((select mla_countries())::text[]))
    and (handling = 'open' or mla_may_handle(id, handling)));
create policy recorded on request for insert to mla_api with check (
    recorded_by = any((select mla_countries())::text[]));
create policy amended on request for update to mla_api using (
    (requesting_country = any((select mla_countries())::text[]) or requested_country = any((select mla_countries())::text[]))
    and (shared or recorded_by = any((select mla_countries())::text[]))
    and (handling = 'open' or mla_may_handle(id, handling)));
create policy worked_on on request to mla_jobs using (true) with check (true);

alter table clock enable row level security;
create policy seen on clock to mla_api using (
    (requesting_country = any((select mla_countries())::text[]) or requested_country = any((select mla_countries())::text[]))
    and (shared or recorded_by = any((select mla_countries())::text[]))
    and (handling = 'open' or mla_may_handle(request_id, handling)))
    with check (
    requesting_country = any((select mla_countries())::text[]) or requested_country = any((select mla_countries())::text[]));
create policy worked_on on clock to mla_jobs using (true) with check (true);

alter table clock_check enable row level security;
create policy seen on clock_check to mla_api using (exists (select from clock where clock.id = clock_id))
    with check (true);  -- held to its clock by the trigger below
create policy worked_on on clock_check to mla_jobs using (true) with check (true);

-- What hangs on a request is seen by whoever sees the request.
do $$
declare
    child text;
begin
    foreach child in array array[
        'request_event', 'event_void', 'request_link', 'free_text', 'record_key', 'flag', 'date_move'
    ] loop
        execute format('alter table %I enable row level security', child);
        execute format($policy$create policy seen on %I to mla_api using (
            (requesting_country = any((select mla_countries())::text[])
                or requested_country = any((select mla_countries())::text[]))
            and exists (select from request r where r.id = request_id))
            with check (requesting_country = any((select mla_countries())::text[])
                or requested_country = any((select mla_countries())::text[]))$policy$, child);
        execute format('create policy worked_on on %I to mla_jobs using (true) with check (true)', child);
    end loop;
end $$;
-- A link tells that there is another case: to those alone who see that one. Links count in no reading of a history.
create policy to_what_is_seen on request_link as restrictive for select to mla_api using (
    exists (select from request r where r.id = other_id));
create policy to_what_is_seen on request_event as restrictive for select to mla_api using (
    type <> 'linked' or exists (select from request r where r.id = (data ->> 'request_id')::uuid));
update request set stale_since = now(), stale_causes = stale_causes || 'catalogue walls'::text
    where exists (select from request_event e where e.request_id = request.id and e.type = 'linked');
-- Texts name persons: for those who work on the case. What a side keeps for itself the other does not see.
create policy of_those_who_work_on_it on free_text as restrictive for select to mla_api using (
    (select mla_account_role()) in ('officer', 'head', 'integration')
    and (owner_country is null or owner_country = any((select mla_countries())::text[])));
-- An UPDATE that reads nothing needs no right to select, so what is kept from being read is kept from being changed too.
create policy changed_by_whose_it_is on free_text as restrictive for update to mla_api using (
    (select mla_account_role()) in ('officer', 'head', 'integration')
    and (owner_country = any((select mla_countries())::text[])
        or owner_country is null and exists (
            select from request r where r.id = request_id and r.recorded_by = any((select mla_countries())::text[]))));
-- Nobody states an act, or takes one back, in the name of the other country or of another account.
create policy stated_in_ones_own_name on request_event as restrictive for insert to mla_api with check (
    asserted_by = any((select mla_countries())::text[]) and recorded_by_account = (select mla_account()));
create policy taken_back_in_ones_own_name on event_void as restrictive for insert to mla_api with check (
    voided_by = any((select mla_countries())::text[]) and recorded_by_account = (select mla_account()));
create policy of_those_who_work_on_it on record_key as restrictive for select to mla_api using (
    (select mla_account_role()) in ('officer', 'head', 'integration'));

alter table request_reader enable row level security;
create policy seen on request_reader to mla_api using (
    country = any((select mla_countries())::text[]) and exists (select from request r where r.id = request_id))
    with check (country = any((select mla_countries())::text[]));
create policy worked_on on request_reader to mla_jobs using (true);

-- A policy cannot check a row against another that the same statement writes; this looks when the statement is done.
create function mla_hangs_on_a_request_seen() returns trigger language plpgsql as $$
begin
    if exists (
        select from fresh where not exists (
            select from request r where r.id = fresh.request_id
                and r.requesting_country = fresh.requesting_country and r.requested_country = fresh.requested_country)
    ) then
        raise insufficient_privilege using message = format('%s: written beside a request that its writer does not see',
            tg_table_name);
    end if;
    return null;
end $$;
do $$
declare
    child text;
begin
    foreach child in array array[
        'request_event', 'event_void', 'request_link', 'free_text', 'record_key', 'date_move', 'clock', 'request_reader'
    ] loop
        execute format('create trigger hangs_on_a_request_seen after insert on %I referencing new table as fresh '
            'for each statement when (current_user = ''mla_api'') execute function mla_hangs_on_a_request_seen()', child);
    end loop;
end $$;
create function mla_hangs_on_a_clock_seen() returns trigger language plpgsql as $$
begin
    if exists (select from fresh where not exists (select from clock where clock.id = fresh.clock_id)) then
        raise insufficient_privilege using message = 'clock_check: written beside a clock that its writer does not see';
    end if;
    return null;
end $$;
create trigger hangs_on_a_clock_seen after insert on clock_check referencing new table as fresh
    for each statement when (current_user = 'mla_api') execute function mla_hangs_on_a_clock_seen();

-- Agreements are secret before they are signed, and from then on to be read by all; changed by who recorded them.
alter table agreement enable row level security;
create policy seen on agreement for select to mla_api using (
    recorded_by = any((select mla_countries())::text[]) or visible_to_all_from <= current_date + 1);
create policy recorded on agreement for insert to mla_api with check (recorded_by = any((select mla_countries())::text[]));
create policy amended on agreement for update to mla_api
    using (recorded_by = any((select mla_countries())::text[]) or visible_to_all_from <= current_date + 1)
    with check (recorded_by = any((select mla_countries())::text[]));
create policy worked_on on agreement to mla_jobs using (true);
do $$
declare
    child text;
begin
    foreach child in array array['agreement_party', 'agreement_event'] loop
        execute format('alter table %I enable row level security', child);
        execute format('create policy seen on %I for select to mla_api using '
            '(exists (select from agreement a where a.id = agreement_id))', child);
        execute format($policy$create policy recorded on %I for insert to mla_api with check (
            exists (select from agreement a where a.id = agreement_id
                and a.recorded_by = any((select mla_countries())::text[])))$policy$, child);
        execute format('create policy worked_on on %I to mla_jobs using (true)', child);
    end loop;
end $$;
create policy replaced on agreement_party for delete to mla_api using (
    exists (select from agreement a where a.id = agreement_id and a.recorded_by = any((select mla_countries())::text[])));

-- What a country sets for itself all may read: whoever counts a clock counts by it.
alter table limit_version enable row level security;
create policy read_by_all on limit_version for select to mla_api using (true);
create policy own on limit_version for insert to mla_api with check (
    basis = 'policy' and country = any((select mla_countries())::text[]));
create policy worked_on on limit_version to mla_jobs using (true);
alter table calendar_version enable row level security;
create policy read_by_all on calendar_version for select to mla_api using (true);
create policy own on calendar_version for insert to mla_api with check (
    applied_by is null or country = any((select mla_countries())::text[]));
create policy worked_on on calendar_version to mla_jobs using (true) with check (true);

alter table opening_balance enable row level security;
create policy own on opening_balance to mla_api
    using (country = any((select mla_countries())::text[])) with check (country = any((select mla_countries())::text[]));
create policy worked_on on opening_balance to mla_jobs using (true);

alter table idempotency_key enable row level security;
create policy own on idempotency_key to mla_api
    using (account_id = (select mla_account())) with check (account_id = (select mla_account()));
create policy worked_on on idempotency_key to mla_jobs using (true);

-- Accounts of one's own countries, and no other; who comes in is found out by functions that stand above this.
alter table account enable row level security;
create policy seen on account for select to mla_api using (
    id = (select mla_account()) or countries <> '{}' and countries <@ (select mla_countries())::text[]);
create policy managed on account for insert to mla_api with check (
    (select mla_account_role()) = 'admin' and countries <> '{}' and countries <@ (select mla_countries())::text[]);
create policy amended on account for update to mla_api using (
    id = (select mla_account()) or countries <> '{}' and countries <@ (select mla_countries())::text[]);
create policy worked_on on account to mla_jobs using (true);
alter table api_token enable row level security;
create policy own_or_managed on api_token to mla_api using (
    account_id = (select mla_account())
    or (select mla_account_role()) = 'admin' and exists (select from account a where a.id = account_id));
create policy worked_on on api_token to mla_jobs using (true);

-- What was done is read by the auditors of the countries that it concerns, and written in nobody else's name.
alter table audit_entry enable row level security;
create policy read_by_auditors on audit_entry for select to mla_api using (
    (select mla_account_role()) = 'auditor' and seen_by && (select mla_countries())::text[]);
create policy written_by_who_acts on audit_entry for insert to mla_api with check (
    account_id is null or account_id = (select mla_account()));
create policy worked_on on audit_entry to mla_jobs using (true) with check (true);

-- An entry follows the last of its chain, or a number far ahead would end the chain for ever.
create function audit_follows() returns trigger language plpgsql security definer
    set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.position is not null and new.position <> coalesce((
        select max(e.position) from audit_entry e
        where e.chain_kind = new.chain_kind and e.chain_id = new.chain_id), 0) + 1
    then
        raise unique_violation using message = 'audit_entry: does not follow the last entry of its chain';
    end if;
    return new;
end $$;
create trigger audit_entry_follows before insert on audit_entry for each row execute function audit_follows();
