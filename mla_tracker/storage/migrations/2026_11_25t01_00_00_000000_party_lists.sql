-- Lists of the parties to conventions that an operator loaded. A list is added, never changed: the newest version of
-- each convention counts, and without any the one that ships.
create table convention_version (
    convention text not null check (length(convention) between 1 and 120),
    version int not null check (version >= 1),
    as_of date not null,
    source text not null check (length(source) between 1 and 500),
    complete boolean not null,
    parties jsonb not null check (jsonb_typeof(parties) = 'array' and jsonb_array_length(parties) > 0),
    recorded_at timestamptz not null,
    primary key (convention, version)
);

grant select on convention_version to mla_api, mla_jobs;

-- The warning of an incomplete list now says of which day the list is.
update request set stale_since = now()
where warnings @> '[{"code": "convention-parties-incomplete"}]' or warnings @> '[{"code": "convention-not-binding"}]';
