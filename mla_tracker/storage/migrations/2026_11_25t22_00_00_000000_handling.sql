-- Heads also stand in where nobody of those named by their side has an open account any more.
create or replace function mla_may_handle(request_id uuid, handling text) returns boolean
    language sql stable security definer set search_path = public, pg_temp as $$
    select case handling
        when 'open' then true
        when 'restricted' then mla_account_role() in ('officer', 'head')
        else exists (select from request_reader n where n.request_id = $1 and n.account_id = mla_account())
            or mla_account_role() = 'head' and not exists (
                select from request_reader n join account a on a.id = n.account_id
                where n.request_id = $1 and n.country = any(mla_countries()) and a.disabled_at is null)
        end
$$;

-- The record that the other country keeps of the same case, read off the link between the two. It stands on the clock
-- too, since worklists and reports read clocks alone.
alter table request add column same_case_as uuid references request on delete restrict;
alter table clock add column same_case_as uuid;
create index request_same_case on request (same_case_as) where same_case_as is not null;
-- A case is looked for under the references that the two sides gave it.
create index request_reference_requesting on request (reference_requesting) where reference_requesting is not null;
create index request_reference_requested on request (reference_requested) where reference_requested is not null;
grant update (same_case_as) on request to mla_api;

-- Whoever names a reader must have seen the request before, or record it in the same statement. To look afterwards, as is
-- done for all else that hangs on a request, would let anybody in who names himself, and stop a head who stood in until
-- he named an officer.
create function mla_is_recorded(request_id uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp as $$
    select exists (select from request r where r.id = $1)
$$;
revoke execute on function mla_is_recorded(uuid) from public;
grant execute on function mla_is_recorded(uuid) to mla_api;
drop trigger hangs_on_a_request_seen on request_reader;
alter policy seen on request_reader with check (
    country = any((select mla_countries())::text[])
    and (exists (
            select from request r where r.id = request_reader.request_id
                and r.requesting_country = request_reader.requesting_country
                and r.requested_country = request_reader.requested_country)
        or not mla_is_recorded(request_id)));
