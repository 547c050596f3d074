-- The triggers alone write the feed, from the row of the request itself, and a request is never deleted: to look it up
-- once more for each change, and to lock it, proves nothing.
alter table change drop constraint change_request_id_fkey;

-- As before, but the request of each flag is looked up by its key whatever the planner makes of their number.
create or replace function mla_tell_flags() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into change (id, at, what, request_id, requesting_country, requested_country, seen_by, version,
            version_requesting, version_requested, flag_id)
        select mla_uuid7(f.raised_at), f.raised_at, 'flag.raised', r.id, r.requesting_country, r.requested_country,
            case when r.shared then array[r.requesting_country, r.requested_country] else array[r.recorded_by] end,
            r.version, r.version_requesting, r.version_requested, f.id
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
