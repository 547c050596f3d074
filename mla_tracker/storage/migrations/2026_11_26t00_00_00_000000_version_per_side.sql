-- What one side keeps for itself (its officer, a link to its own draft) must not show on the other's version: each side
-- counts what it may know of. `version` and `updated_at` count all.
alter table request
    add column version_requesting integer not null default 1,
    add column version_requested integer not null default 1,
    add column updated_requesting_at timestamptz,
    add column updated_requested_at timestamptz;
update request set version_requesting = version, version_requested = version,
    updated_requesting_at = updated_at, updated_requested_at = updated_at;
alter table request
    alter column updated_requesting_at set not null,
    alter column updated_requested_at set not null;
grant update (version_requesting, version_requested, updated_requesting_at, updated_requested_at) on request to mla_api;
