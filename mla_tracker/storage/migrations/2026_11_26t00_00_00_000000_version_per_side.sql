-- What one side keeps for itself (its officer, a link to its own draft) must not show on the other's version: each side
-- counts what it may know of. `version` and `updated_at` count all.
alter table request
    add column version_requesting integer not null default 1,
    add column version_requested integer not null default 1,
    add column updated_requesting_at timestamptz,
    add column updated_requested_at timestamptz;
update request set version_requesting = version, version_requested = version,
    updated_requesting_at = updated_at, updated_requested_at = updated_at;

-- A program of before counts no sides: what it writes is a change for both.
create function mla_version_of_sides() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.updated_requesting_at := coalesce(new.updated_requesting_at, new.updated_at);
        new.updated_requested_at := coalesce(new.updated_requested_at, new.updated_at);
    elsif new.version <> old.version
        and (new.version_requesting, new.version_requested) = (old.version_requesting, old.version_requested) then
        new.version_requesting := old.version_requesting + 1;
        new.version_requested := old.version_requested + 1;
        new.updated_requesting_at := new.updated_at;
        new.updated_requested_at := new.updated_at;
    end if;
    return new;
end
$$;
create trigger version_of_sides before insert or update of version on request
    for each row execute function mla_version_of_sides();

alter table request
    alter column updated_requesting_at set not null,
    alter column updated_requested_at set not null;
grant update (version_requesting, version_requested, updated_requesting_at, updated_requested_at) on request to mla_api;
