-- An account may also be reached by a token of the identity provider: by its issuer and the subject there.
alter table account
    add column version int not null default 1 check (version >= 1),
    add column oidc_issuer text check (length(oidc_issuer) between 1 and 500),
    add column oidc_subject text check (length(oidc_subject) between 1 and 255),
    add constraint account_identity_is_whole check ((oidc_issuer is null) = (oidc_subject is null));
-- A disabled account gives its identity free, so that a person can be enrolled anew.
create unique index account_identity on account (oidc_issuer, oidc_subject) where disabled_at is null;
create index account_listing on account (created_at, id);

alter table api_token
    add column scopes text[] not null default '{read,write,manage}'
        check (cardinality(scopes) > 0 and scopes <@ '{read,write,manage}'),
    -- The token that was made when this one was rotated.
    add column replaced_by uuid unique references api_token on delete restrict;

grant insert on account, api_token to mla_api;
grant update (name, oidc_issuer, oidc_subject, disabled_at, version) on account to mla_api;
grant update (expires_at, revoked_at, replaced_by) on api_token to mla_api;

-- Who calls is found out before it is known what the caller may see: these are the only looks past that. They run as the
-- owner of the tables and give one row, to those who hold the secret or the signed word of the provider.
create type mla_credential as (
    token_id uuid,
    scopes text[],
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    account_id uuid,
    name text,
    countries text[],
    role text,
    disabled_at timestamptz
);

create function mla_bearer(hash bytea) returns setof mla_credential
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select token.id, token.scopes, token.expires_at, token.revoked_at, token.last_used_at,
        account.id, account.name, account.countries, account.role, account.disabled_at
    from api_token as token join account on account.id = token.account_id
    where token.token_hash = hash
$$;

create function mla_bearer(issuer text, subject text) returns setof mla_credential
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select null::uuid, null::text[], null::timestamptz, null::timestamptz, null::timestamptz,
        account.id, account.name, account.countries, account.role, account.disabled_at
    from account
    where account.oidc_issuer = issuer and account.oidc_subject = subject and account.disabled_at is null
$$;

create function mla_token_used(token uuid, at timestamptz, not_since timestamptz) returns void
language sql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
    update api_token set last_used_at = at
    where id = token and (last_used_at is null or last_used_at < not_since)
$$;

-- Whether a country has an account here in one of the roles, besides one: an answer of yes or no about any country.
create function mla_has_accounts(of_country text, in_roles text[], besides uuid default null) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (
        select from account
        where of_country = any(countries) and role = any(in_roles) and disabled_at is null
            and id is distinct from besides
    )
$$;

revoke all on function mla_bearer(bytea), mla_bearer(text, text), mla_token_used(uuid, timestamptz, timestamptz),
    mla_has_accounts(text, text[], uuid) from public;
grant execute on function mla_bearer(bytea), mla_bearer(text, text),
    mla_token_used(uuid, timestamptz, timestamptz) to mla_api;
grant execute on function mla_has_accounts(text, text[], uuid) to mla_api, mla_jobs;
