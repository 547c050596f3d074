-- The first schema. Projections (status, clocks, checks) may be thrown away and rebuilt from the history;
-- request_event, event_void and flag are facts, and the runtime roles can neither update nor delete history.
-- Both countries stand on every child table, so that a row policy needs no join.

-- Roles belong to the whole server: another database of it may have made them, or be making them now.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['mla_api', 'mla_jobs'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
        -- From 16 on, whoever makes a role may grant it and yet not act in it.
        if not pg_has_role(current_user, wanted,
                case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) then
            execute format('grant %I to %I', wanted, current_user);
        end if;
    end loop;
end $$;

-- UUIDv7 (RFC 9562) for rows that are made by a statement; PostgreSQL has its own only from 18 on.
create function mla_uuid7(at timestamptz) returns uuid language sql volatile parallel safe as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1),
        'hex')::uuid
$$;

create table account (
    id uuid primary key,
    name text not null check (length(name) between 1 and 200),
    countries text[] not null,
    role text not null check (role in ('officer', 'head', 'ministry', 'integration', 'auditor', 'admin')),
    created_at timestamptz not null,
    disabled_at timestamptz
);

create table api_token (
    id uuid primary key,
    account_id uuid not null references account on delete restrict,
    name text not null default '',
    token_hash bytea not null unique check (length(token_hash) = 32),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
create index api_token_account on api_token (account_id);

create table idempotency_key (
    account_id uuid not null references account on delete restrict,
    route text not null,
    key text not null,
    body_hash bytea not null,
    status int,
    result jsonb,
    created_at timestamptz not null,
    primary key (account_id, route, key)
);
create index idempotency_key_age on idempotency_key (created_at);

create table agreement (
    id uuid primary key,
    recorded_by text not null check (recorded_by ~ '^[A-Z]{2}$'),
    recorded_by_account uuid references account on delete restrict,
    title text not null check (length(title) between 1 and 500),
    kind text not null check (kind in (
        'mutual_legal_assistance', 'extradition', 'law_enforcement_cooperation', 'controlled_delivery',
        'information_exchange', 'transfer_of_sentenced_persons', 'transfer_of_proceedings', 'asset_sharing',
        'memorandum', 'convention')),
    scope text not null check (scope in ('bilateral', 'multilateral')),
    external_reference text check (length(external_reference) between 1 and 200),
    signed_on date,
    provisionally_applied_from date,
    in_force_from date,
    terminated_on date,
    languages text[] not null default '{}',
    limits jsonb not null default '[]',
    notes text,
    visible_to_all_from date,
    version int not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (recorded_by, external_reference)
);
create index agreement_listing on agreement (created_at, id);

create table agreement_party (
    agreement_id uuid not null references agreement on delete restrict,
    position int not null,
    country text check (country ~ '^[A-Z]{2}$'),
    organisation text check (length(organisation) between 1 and 200),
    signed_on date,
    in_force_from date,
    terminated_on date,
    declarations text,
    primary key (agreement_id, position),
    check ((country is null) <> (organisation is null))
);
create index agreement_party_country on agreement_party (country, agreement_id);

create table agreement_event (
    id uuid primary key,
    agreement_id uuid not null references agreement on delete restrict,
    type text not null check (type in (
        'negotiation_opened', 'initialled', 'signed', 'ratified', 'provisionally_applied',
        'entered_into_force', 'amended', 'suspended', 'resumed', 'denounced', 'terminated', 'superseded')),
    occurred_on date not null,
    data jsonb not null default '{}',
    note text,
    recorded_by_account uuid references account on delete restrict,
    recorded_at timestamptz not null
);
create index agreement_event_agreement on agreement_event (agreement_id, occurred_on);

create table limit_version (
    id text not null,
    version int not null,
    definition jsonb not null,
    digest text not null,
    basis text not null check (basis in ('law', 'agreement', 'policy')),
    stage text not null check (stage in (
        'receive', 'acknowledge', 'decide', 'execute', 'supply_information', 'formal_request_received',
        'notify_consent', 'notify_decision', 'surrender', 'collect', 'preserve', 'serve',
        'speciality_consent', 'speciality', 'safe_conduct', 'transit', 'charge', 'tell_result')),
    country text check (country ~ '^[A-Z]{2}$'),
    convention text,
    published_on date,
    valid_from date,
    valid_to date,
    recorded_at timestamptz not null,
    primary key (id, version)
);

create table calendar_version (
    country text not null check (country ~ '^[A-Z]{2}$'),
    region text not null default '',
    version int not null check (version >= 1),
    zone text not null,
    document jsonb not null,
    digest text not null,
    source text not null,
    applied_at timestamptz not null,
    applied_by uuid references account on delete restrict,
    primary key (country, region, version)
);

create table request (
    id uuid primary key,
    kind text not null check (kind in ('evidence', 'extradition', 'proceedings')),
    requesting_country text not null check (requesting_country ~ '^[A-Z]{2}$'),
    requested_country text not null check (requested_country ~ '^[A-Z]{2}$'),
    recorded_by text not null check (recorded_by in (requesting_country, requested_country)),
    recorded_by_account uuid references account on delete restrict,
    urgency text not null check (urgency in ('routine', 'urgent', 'emergency')),
    agreement_id uuid references agreement on delete restrict,
    convention text,
    assistance text[] not null default '{}',
    offences text[] not null default '{}',
    channel text,
    language text,
    external_reference text check (length(external_reference) between 1 and 200),
    reference_requesting text,
    reference_requested text,
    assigned_requesting text,
    assigned_requested text,
    wished_by date,
    status text not null check (status in (
        'draft', 'sent', 'received', 'acknowledged', 'awaiting_information', 'accepted', 'in_execution',
        'postponed', 'ended', 'closed')),
    custody text check (custody in ('none', 'provisional', 'in_custody', 'released', 'surrendered', 'temporarily_surrendered')),
    outcome text check (outcome in (
        'executed', 'executed_in_part', 'not_executable', 'granted', 'surrendered', 'refused', 'withdrawn',
        'returned_incomplete', 'lapsed', 'charged', 'declined')),
    reclassified_as text,
    items jsonb not null default '[]',
    warnings jsonb not null default '[]',
    shared boolean not null default false,
    first_act_on date,
    ended_on date,
    version int not null default 1 check (version >= 1),
    -- Set where a calendar or an agreement changed under the request: its clocks wait to be counted anew.
    stale_since timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (recorded_by, external_reference),
    check (requesting_country <> requested_country)
);
create index request_by_requesting on request (requesting_country, created_at desc, id desc);
create index request_by_requested on request (requested_country, created_at desc, id desc);
create index request_stale on request (stale_since, id) where stale_since is not null;
create index request_agreement on request (agreement_id) where agreement_id is not null;

-- Free text is erasable and hangs beside the record; acts hold typed data only. owner_country null: both sides read it.
create table free_text (
    id uuid primary key,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    owner_country text,
    field text not null check (field in ('subject', 'urgency_reason', 'wished_by_reason', 'note', 'reason', 'void_reason')),
    event_id uuid,
    body text,
    erased_at timestamptz
);
create index free_text_request on free_text (request_id);

create table request_event (
    id uuid primary key,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    type text not null check (type in (
        'drafted', 'sent', 'forwarded', 'received', 'received_by_competent_authority', 'acknowledged',
        'reminded', 'information_requested', 'information_supplied', 'accepted', 'postponed', 'resumed',
        'extended', 'refused', 'withdrawn', 'closed', 'reopened', 'recomputed', 'reclassified', 'linked',
        'partly_executed', 'executed', 'results_transmitted', 'results_received', 'preserved',
        'provider_served', 'hearing_fixed', 'notified_of_interception', 'summons_served',
        'presence_no_longer_required', 'charged', 'declined', 'concluded', 'result_told',
        'provisional_arrest_requested', 'located', 'provisionally_arrested', 'arrested', 'arrest_notified',
        'rearrested', 'released', 'consent_given', 'consent_withheld', 'consent_withdrawn',
        'immunity_waived', 'judicial_decision', 'appealed', 'appeal_decided', 'decision_final',
        'decision_notified', 'granted', 'surrender_date_agreed', 'put_at_disposal', 'surrendered',
        'temporarily_surrendered', 'returned', 'speciality_consent_requested', 'speciality_consent_decided',
        'committed', 'finally_discharged', 'unscheduled_landing')),
    occurred_at timestamptz,
    occurred_on date,
    data jsonb not null default '{}',
    asserted_by text not null check (asserted_by ~ '^[A-Z]{2}$'),
    recorded_by_account uuid references account on delete restrict,
    recorded_at timestamptz not null,
    check ((occurred_at is null) <> (occurred_on is null))
);
create index request_event_request on request_event (request_id);

create table event_void (
    event_id uuid primary key references request_event on delete restrict,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    replacement_id uuid references request_event on delete restrict,
    voided_by text not null check (voided_by ~ '^[A-Z]{2}$'),
    recorded_by_account uuid references account on delete restrict,
    recorded_at timestamptz not null
);
create index event_void_request on event_void (request_id);

create table request_link (
    event_id uuid primary key references request_event on delete restrict,
    request_id uuid not null references request on delete restrict,
    other_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    relation text not null check (relation in ('supplementary', 'competing', 'same_case', 'related'))
);
create index request_link_request on request_link (request_id);
create index request_link_other on request_link (other_id);

-- A clock is known by (request, clock_key): the limit, and the start act where each such act starts a clock of its own.
create table clock (
    id uuid primary key,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    shared boolean not null,
    recorded_by text not null,
    request_kind text not null check (request_kind in ('evidence', 'extradition', 'proceedings')),
    clock_key text not null,
    limit_id text not null,
    limit_version int not null,
    basis text not null check (basis in ('law', 'agreement', 'policy')),
    stage text not null check (stage in (
        'receive', 'acknowledge', 'decide', 'execute', 'supply_information', 'formal_request_received',
        'notify_consent', 'notify_decision', 'surrender', 'collect', 'preserve', 'serve',
        'speciality_consent', 'speciality', 'safe_conduct', 'transit', 'charge', 'tell_result')),
    tier text check (tier in ('may', 'shall')),
    effect text not null check (effect in ('deadline', 'expiry', 'not_before', 'goal')),
    obligor text not null check (obligor in ('requested', 'requesting', 'provider')),
    counted_in_country text not null,
    state text not null check (state in ('pending', 'running', 'paused', 'met', 'met_late', 'cancelled')),
    start_event_id uuid,
    started_on date,
    started_at timestamptz,
    base_due_on date,
    due_on date,
    due_at timestamptz,
    paused_since timestamptz,
    paused_seconds bigint not null default 0,
    pauses jsonb not null default '[]',
    extensions jsonb not null default '[]',
    met_extended boolean not null default false,
    stop_event_id uuid,
    stopped_on date,
    stopped_at timestamptz,
    imprecise boolean not null default false,
    explanation jsonb not null,
    unique (request_id, clock_key)
);
create index clock_open_requesting on clock (requesting_country, due_at, id) where state = 'running';
create index clock_open_requested on clock (requested_country, due_at, id) where state = 'running';
create index clock_due_requesting on clock (requesting_country, due_on) where effect = 'deadline';
create index clock_due_requested on clock (requested_country, due_on) where effect = 'deadline';
create index clock_stopped_requesting on clock (requesting_country, stopped_on)
    where effect = 'deadline' and state in ('met', 'met_late');
create index clock_stopped_requested on clock (requested_country, stopped_on)
    where effect = 'deadline' and state in ('met', 'met_late');
create index clock_listed_requesting on clock (requesting_country, due_at, id);
create index clock_listed_requested on clock (requested_country, due_at, id);
create index clock_paused_requesting on clock (requesting_country) where state = 'paused';
create index clock_paused_requested on clock (requested_country) where state = 'paused';

-- What the sweep will find: per open clock the instants at which something becomes true.
create table clock_check (
    clock_id uuid not null references clock on delete cascade,
    kind text not null check (kind in ('warning', 'overdue', 'expired', 'escalation')),
    level int not null default 0,
    at timestamptz not null,
    due_at timestamptz not null,
    primary key (clock_id, kind, level)
);
create index clock_check_at on clock_check (at);

-- What we noticed and when: a fact, which a rebuild never deletes. No reference to the clock, which is a projection.
create table flag (
    id uuid primary key,
    request_id uuid not null references request on delete restrict,
    requesting_country text not null,
    requested_country text not null,
    clock_id uuid not null,
    clock_key text not null,
    limit_id text not null,
    stage text not null check (stage in (
        'receive', 'acknowledge', 'decide', 'execute', 'supply_information', 'formal_request_received',
        'notify_consent', 'notify_decision', 'surrender', 'collect', 'preserve', 'serve',
        'speciality_consent', 'speciality', 'safe_conduct', 'transit', 'charge', 'tell_result')),
    obligor text not null check (obligor in ('requested', 'requesting', 'provider')),
    kind text not null check (kind in ('warning', 'overdue', 'expired', 'escalation')),
    level int not null default 0,
    due_at timestamptz not null,
    raised_at timestamptz not null,
    -- Each side takes note for itself: one must not silence the flag of the other.
    acknowledged_requesting_at timestamptz,
    acknowledged_requesting_by uuid references account on delete restrict,
    acknowledged_requested_at timestamptz,
    acknowledged_requested_by uuid references account on delete restrict,
    cleared_at timestamptz,
    cleared_reason text check (cleared_reason in ('no_lateness', 'date_moved', 'clock_gone')),
    settled_at timestamptz,
    unique (request_id, clock_key, kind, level, due_at)
);
create index flag_by_requesting on flag (requesting_country, raised_at desc, id desc);
create index flag_by_requested on flag (requested_country, raised_at desc, id desc);

create index flag_open_by_requesting on flag (requesting_country, raised_at desc, id desc)
    where cleared_at is null and settled_at is null;
create index flag_open_by_requested on flag (requested_country, raised_at desc, id desc)
    where cleared_at is null and settled_at is null;

create table job_slot (
    job text not null,
    slot timestamptz not null,
    status text not null check (status in ('running', 'done', 'failed')),
    node text not null,
    attempts int not null default 1,
    claimed_at timestamptz not null,
    lease_until timestamptz not null,
    finished_at timestamptz,
    result jsonb,
    error text,
    primary key (job, slot)
);
create index job_slot_recent on job_slot (job, slot desc);

grant usage on schema public to mla_api, mla_jobs;
grant select on account, api_token, limit_version, calendar_version, agreement, agreement_party, agreement_event,
    request, free_text, request_event, event_void, request_link, clock, clock_check, flag, job_slot to mla_api, mla_jobs;
grant update (last_used_at) on api_token to mla_api;
grant select, insert, update, delete on idempotency_key to mla_api;
grant select, delete on idempotency_key to mla_jobs;
grant insert, update on agreement to mla_api;
grant insert, delete on agreement_party to mla_api;
grant insert on agreement_event to mla_api;
grant insert on limit_version to mla_api;
grant insert on calendar_version to mla_api, mla_jobs;
grant insert, update on request, free_text to mla_api;
grant insert on request_event, event_void to mla_api;
grant insert, delete on request_link to mla_api;
grant insert, update, delete on clock, clock_check to mla_api, mla_jobs;
grant update on request to mla_jobs;
grant insert on flag to mla_jobs;
grant update (acknowledged_requesting_at, acknowledged_requesting_by, acknowledged_requested_at,
    acknowledged_requested_by, cleared_at, cleared_reason, settled_at) on flag to mla_api;
grant update (raised_at, cleared_at, cleared_reason, settled_at) on flag to mla_jobs;
grant insert, update, delete on job_slot to mla_jobs;
