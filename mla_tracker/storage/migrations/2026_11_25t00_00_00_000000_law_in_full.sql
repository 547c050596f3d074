-- Requests for information are a kind of their own; the last limits of the law on record need a few acts more, and facts
-- of a request that no other column tells. Each check is only widened, so that no row has to be read for it.
alter table request drop constraint request_kind_check;
alter table request add constraint request_kind_known
    check (kind in ('evidence', 'extradition', 'proceedings', 'information')) not valid;
alter table clock drop constraint clock_request_kind_check;
alter table clock add constraint clock_request_kind_known
    check (request_kind in ('evidence', 'extradition', 'proceedings', 'information')) not valid;
alter table opening_balance drop constraint opening_balance_kind_check;
alter table opening_balance add constraint opening_balance_kind_known
    check (kind in ('evidence', 'extradition', 'proceedings', 'information')) not valid;

alter table request_event drop constraint request_event_type_check;
alter table request_event add constraint request_event_type_known check (type in (
        'drafted', 'sent', 'forwarded', 'received', 'received_by_competent_authority', 'acknowledged',
        'reminded', 'information_requested', 'information_supplied', 'accepted', 'postponed', 'resumed',
        'extended', 'refused', 'withdrawn', 'closed', 'reopened', 'recomputed', 'reclassified', 'linked',
        'delay_reported', 'further_request_received',
        'partly_executed', 'executed', 'results_transmitted', 'results_received', 'preserved',
        'provider_served', 'hearing_fixed', 'notified_of_interception', 'summons_served',
        'presence_no_longer_required', 'charged', 'declined', 'concluded', 'result_told',
        'provisional_arrest_requested', 'located', 'provisionally_arrested', 'arrested', 'arrest_notified',
        'rearrested', 'released', 'consent_given', 'consent_withheld', 'consent_withdrawn', 'consent_notified',
        'immunity_waived', 'judicial_decision', 'appealed', 'appeal_decided', 'decision_final',
        'decision_notified', 'granted', 'surrender_date_agreed', 'put_at_disposal', 'surrendered',
        'temporarily_surrendered', 'returned', 'speciality_consent_requested', 'consent_hearing_begun', 'speciality_consent_decided',
        'committed', 'finally_discharged', 'unscheduled_landing')) not valid;

alter table request add column circumstances text[] not null default '{}'
    check (circumstances <@ array[
        'immediate_freezing', 'addressed_to_provider', 'directly_accessible', 'summons_of_accused']);
