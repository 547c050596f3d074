"""The words of the field: every closed list of values that the record, the law and the reports share."""

from enum import StrEnum


class RequestKind(StrEnum):
    """What one country asks of another."""

    EVIDENCE = "evidence"
    EXTRADITION = "extradition"
    PROCEEDINGS = "proceedings"
    INFORMATION = "information"


class Urgency(StrEnum):
    """How pressing a request is; anything but routine needs a reason."""

    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class Side(StrEnum):
    """One of the two countries of a request."""

    REQUESTING = "requesting"
    REQUESTED = "requested"


class Act(StrEnum):
    """What can happen in the life of a request."""

    DRAFTED = "drafted"
    SENT = "sent"
    FORWARDED = "forwarded"
    RECEIVED = "received"
    RECEIVED_BY_COMPETENT_AUTHORITY = "received_by_competent_authority"
    ACKNOWLEDGED = "acknowledged"
    REMINDED = "reminded"
    INFORMATION_REQUESTED = "information_requested"
    INFORMATION_SUPPLIED = "information_supplied"
    ACCEPTED = "accepted"
    POSTPONED = "postponed"
    RESUMED = "resumed"
    EXTENDED = "extended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    REOPENED = "reopened"
    RECOMPUTED = "recomputed"
    RECLASSIFIED = "reclassified"
    LINKED = "linked"
    DELAY_REPORTED = "delay_reported"
    FURTHER_REQUEST_RECEIVED = "further_request_received"
    # evidence
    PARTLY_EXECUTED = "partly_executed"
    EXECUTED = "executed"
    RESULTS_TRANSMITTED = "results_transmitted"
    RESULTS_RECEIVED = "results_received"
    PRESERVED = "preserved"
    PROVIDER_SERVED = "provider_served"
    HEARING_FIXED = "hearing_fixed"
    NOTIFIED_OF_INTERCEPTION = "notified_of_interception"
    SUMMONS_SERVED = "summons_served"
    PRESENCE_NO_LONGER_REQUIRED = "presence_no_longer_required"
    # proceedings
    CHARGED = "charged"
    DECLINED = "declined"
    CONCLUDED = "concluded"
    RESULT_TOLD = "result_told"
    # extradition
    PROVISIONAL_ARREST_REQUESTED = "provisional_arrest_requested"
    LOCATED = "located"
    PROVISIONALLY_ARRESTED = "provisionally_arrested"
    ARRESTED = "arrested"
    ARREST_NOTIFIED = "arrest_notified"
    REARRESTED = "rearrested"
    RELEASED = "released"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHHELD = "consent_withheld"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_NOTIFIED = "consent_notified"
    IMMUNITY_WAIVED = "immunity_waived"
    JUDICIAL_DECISION = "judicial_decision"
    APPEALED = "appealed"
    APPEAL_DECIDED = "appeal_decided"
    DECISION_FINAL = "decision_final"
    DECISION_NOTIFIED = "decision_notified"
    GRANTED = "granted"
    SURRENDER_DATE_AGREED = "surrender_date_agreed"
    PUT_AT_DISPOSAL = "put_at_disposal"
    SURRENDERED = "surrendered"
    TEMPORARILY_SURRENDERED = "temporarily_surrendered"
    RETURNED = "returned"
    SPECIALITY_CONSENT_REQUESTED = "speciality_consent_requested"
    CONSENT_HEARING_BEGUN = "consent_hearing_begun"
    SPECIALITY_CONSENT_DECIDED = "speciality_consent_decided"
    COMMITTED = "committed"
    FINALLY_DISCHARGED = "finally_discharged"
    UNSCHEDULED_LANDING = "unscheduled_landing"


class Status(StrEnum):
    """A request's place in its life."""

    DRAFT = "draft"
    SENT = "sent"
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    AWAITING_INFORMATION = "awaiting_information"
    ACCEPTED = "accepted"
    IN_EXECUTION = "in_execution"
    POSTPONED = "postponed"
    ENDED = "ended"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a request, or one item of assistance, ended."""

    EXECUTED = "executed"
    EXECUTED_IN_PART = "executed_in_part"
    NOT_EXECUTABLE = "not_executable"
    GRANTED = "granted"
    SURRENDERED = "surrendered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    RETURNED_INCOMPLETE = "returned_incomplete"
    LAPSED = "lapsed"
    CHARGED = "charged"
    DECLINED = "declined"


class Custody(StrEnum):
    """Where the person sought stands, beside the status of an extradition request."""

    NONE = "none"
    PROVISIONAL = "provisional"
    IN_CUSTODY = "in_custody"
    RELEASED = "released"
    SURRENDERED = "surrendered"
    TEMPORARILY_SURRENDERED = "temporarily_surrendered"


class Stage(StrEnum):
    """What must have happened for a limit to be kept."""

    RECEIVE = "receive"
    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide"
    EXECUTE = "execute"
    SUPPLY_INFORMATION = "supply_information"
    FORMAL_REQUEST_RECEIVED = "formal_request_received"
    NOTIFY_CONSENT = "notify_consent"
    NOTIFY_DECISION = "notify_decision"
    SURRENDER = "surrender"
    COLLECT = "collect"
    PRESERVE = "preserve"
    SERVE = "serve"
    SPECIALITY_CONSENT = "speciality_consent"
    SPECIALITY = "speciality"
    SAFE_CONDUCT = "safe_conduct"
    TRANSIT = "transit"
    CHARGE = "charge"
    TELL_RESULT = "tell_result"


class Tier(StrEnum):
    """What follows when a limit runs out: something may happen, or must."""

    MAY = "may"
    SHALL = "shall"


class Effect(StrEnum):
    """What a limit does at its end."""

    DEADLINE = "deadline"
    EXPIRY = "expiry"
    NOT_BEFORE = "not_before"
    GOAL = "goal"


class Obligor(StrEnum):
    """Whose duty a limit is, or where it is counted."""

    REQUESTED = "requested"
    REQUESTING = "requesting"
    PROVIDER = "provider"


class Basis(StrEnum):
    """What a limit rests on."""

    LAW = "law"
    AGREEMENT = "agreement"
    POLICY = "policy"


class ClockState(StrEnum):
    """Where one limit stands for one request; `overdue` and `expired` are read at an instant, never stored."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MET_LATE = "met_late"
    CANCELLED = "cancelled"
    OVERDUE = "overdue"
    EXPIRED = "expired"


class FlagKind(StrEnum):
    """What the sweep raises."""

    WARNING = "warning"
    OVERDUE = "overdue"
    EXPIRED = "expired"
    ESCALATION = "escalation"


class Assistance(StrEnum):
    """Forms of assistance: UN 1988 Art. 7(2), UNTOC Art. 18(3), and the later instruments on data."""

    EVIDENCE_OR_STATEMENTS = "evidence_or_statements"
    SERVICE_OF_DOCUMENTS = "service_of_documents"
    SEARCH_SEIZURE_FREEZING = "search_seizure_freezing"
    EXAMINATION_OF_OBJECTS_OR_SITES = "examination_of_objects_or_sites"
    INFORMATION_OR_EXPERT_EVALUATION = "information_or_expert_evaluation"
    RECORDS = "records"
    TRACING_OF_PROCEEDS = "tracing_of_proceeds"
    VOLUNTARY_APPEARANCE = "voluntary_appearance"
    INTERCEPTION = "interception"
    PRESERVATION_OF_DATA = "preservation_of_data"
    SUBSCRIBER_DATA = "subscriber_data"
    TRAFFIC_DATA = "traffic_data"
    CONTENT_DATA = "content_data"
    PROVISIONAL_MEASURE = "provisional_measure"
    CONFISCATION = "confiscation"
    VIDEO_HEARING = "video_hearing"
    OTHER = "other"


class RefusalGround(StrEnum):
    """Grounds for refusal: EIO Art. 11(1), treaty practice, UNTOC Art. 18(21), UNCAC Art. 46(9), extradition law."""

    IMMUNITY_PRIVILEGE_OR_PRESS = "immunity_privilege_or_press"
    NATIONAL_SECURITY = "national_security"
    NOT_AVAILABLE_DOMESTICALLY = "not_available_domestically"
    NE_BIS_IN_IDEM = "ne_bis_in_idem"
    EXTRATERRITORIAL = "extraterritorial"
    FUNDAMENTAL_RIGHTS = "fundamental_rights"
    DUAL_CRIMINALITY = "dual_criminality"
    RESTRICTED_MEASURE = "restricted_measure"
    POLITICAL_OFFENCE = "political_offence"
    SOVEREIGNTY_SECURITY_ORDRE_PUBLIC = "sovereignty_security_ordre_public"
    MILITARY_OFFENCE = "military_offence"
    NOT_IN_CONFORMITY = "not_in_conformity"
    CONTRARY_TO_DOMESTIC_LAW = "contrary_to_domestic_law"
    DE_MINIMIS = "de_minimis"
    BANK_SECRECY = "bank_secrecy"
    DISCRIMINATION = "discrimination"
    TORTURE_OR_UNFAIR_TRIAL = "torture_or_unfair_trial"
    LIMITATION = "limitation"
    NATIONALITY = "nationality"
    DEATH_PENALTY = "death_penalty"
    AMNESTY = "amnesty"
    AGE = "age"
    IN_ABSENTIA = "in_absentia"


class PostponementGround(StrEnum):
    """Grounds for postponement of surrender or of execution."""

    HUMANITARIAN = "humanitarian"
    OWN_PROCEEDINGS = "own_proceedings"


class AgreementKind(StrEnum):
    """What an agreement between countries or organisations is about."""

    MUTUAL_LEGAL_ASSISTANCE = "mutual_legal_assistance"
    EXTRADITION = "extradition"
    LAW_ENFORCEMENT_COOPERATION = "law_enforcement_cooperation"
    CONTROLLED_DELIVERY = "controlled_delivery"
    INFORMATION_EXCHANGE = "information_exchange"
    TRANSFER_OF_SENTENCED_PERSONS = "transfer_of_sentenced_persons"
    TRANSFER_OF_PROCEEDINGS = "transfer_of_proceedings"
    ASSET_SHARING = "asset_sharing"
    MEMORANDUM = "memorandum"
    CONVENTION = "convention"


class AgreementScope(StrEnum):
    """Between two parties or among many."""

    BILATERAL = "bilateral"
    MULTILATERAL = "multilateral"


class AgreementAct(StrEnum):
    """What can happen in the life of an agreement."""

    NEGOTIATION_OPENED = "negotiation_opened"
    INITIALLED = "initialled"
    SIGNED = "signed"
    RATIFIED = "ratified"
    PROVISIONALLY_APPLIED = "provisionally_applied"
    ENTERED_INTO_FORCE = "entered_into_force"
    AMENDED = "amended"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    DENOUNCED = "denounced"
    TERMINATED = "terminated"
    SUPERSEDED = "superseded"


class AgreementStatus(StrEnum):
    """The life of an agreement on a given day, derived from its dates and events."""

    NEGOTIATING = "negotiating"
    SIGNED = "signed"
    PROVISIONALLY_APPLIED = "provisionally_applied"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class Unit(StrEnum):
    """What a period is counted in."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"
    WORKING_SECONDS = "working_seconds"
    WORKING_MINUTES = "working_minutes"
    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"


class Roll(StrEnum):
    """Where a period goes that would end on a day that is not worked."""

    NONE = "none"
    NEXT_WORKING_DAY = "next_working_day"
    PREVIOUS_WORKING_DAY = "previous_working_day"


class Role(StrEnum):
    """What an account may do."""

    OFFICER = "officer"
    HEAD = "head"
    MINISTRY = "ministry"
    INTEGRATION = "integration"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a credential may be used for, within what its account may do."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"


class Circumstance(StrEnum):
    """Facts of a request on which a limit depends and which no other field tells."""

    IMMEDIATE_FREEZING = "immediate_freezing"
    ADDRESSED_TO_PROVIDER = "addressed_to_provider"
    DIRECTLY_ACCESSIBLE = "directly_accessible"
    SUMMONS_OF_ACCUSED = "summons_of_accused"


class LinkRelation(StrEnum):
    """How one request hangs together with another."""

    SUPPLEMENTARY = "supplementary"
    COMPETING = "competing"
    SAME_CASE = "same_case"
    RELATED = "related"
