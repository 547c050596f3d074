"""The worked example of the first minute: invented cases between real countries, dated from the day it is loaded.

The countries are those of the United Nations report on help for countries hit by drug transit (CND, fifty-third
session): Morocco and Spain, Ecuador and its Andean neighbours, Kazakhstan and the members of CARICC, Belarus,
Ukraine and Moldova; and Portugal, Spain's neighbour under the European instruments. No case, person or
agreement in it is real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mla_tracker.catalogue.countries import country_name, default_zone
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.agreements import NewAgreement, record_agreement
from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.requests import log_request, record_event
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import OF_EITHER_SIDE, place
from mla_tracker.domain.vocabulary import (
    Act,
    AgreementKind,
    AgreementScope,
    RequestKind,
    Role,
    Side,
    Urgency,
)
from mla_tracker.storage.agreements import AgreementFields, PartyRow
from mla_tracker.storage.database import Database

MARK = "EXAMPLE: "
COUNTRIES = ("MA", "ES", "PT", "EC", "CO", "PE", "KZ", "UZ", "KG", "BY", "UA", "MD")
CURRENT_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Example:
    """What was loaded: a token of an officer per country and one of a ministry, each shown this once."""

    tokens: Mapping[str, str]
    agreements: int
    requests: int


@dataclass(frozen=True, slots=True)
class _Case:
    """One invented request: its acts as (days before today, act, data)."""

    subject: str
    kind: RequestKind
    requesting: str
    requested: str
    acts: Sequence[tuple[int, Act, Mapping[str, Any]]]
    convention: str | None = None
    assistance: Sequence[str] = ()
    urgency: Urgency = Urgency.ROUTINE
    recorded_by: str | None = None
    agreement: str | None = None


_RECORDS = ("records",)
_NO = {}  # type: dict[str, Any]

CASES: Sequence[_Case] = (
    _Case(
        "running: bank records of a forwarding agent in Algeciras", RequestKind.EVIDENCE, "MA", "ES",
        (
            (14, Act.SENT, {"channel": "diplomatic", "language": "es"}), (9, Act.RECEIVED, _NO),
            (6, Act.ACKNOWLEDGED, _NO),
        ),
        convention="un1988", assistance=_RECORDS, agreement="MA-ES",
    ),
    _Case(
        "late: nobody says that it arrived", RequestKind.EVIDENCE, "MA", "ES",
        ((40, Act.SENT, {"channel": "post"}),),
        convention="un1988", assistance=("evidence_or_statements",),
    ),
    _Case(
        "paused: hearing of a witness while her own trial runs", RequestKind.EVIDENCE, "ES", "MA",
        (
            (90, Act.SENT, _NO), (84, Act.RECEIVED, _NO), (80, Act.ACKNOWLEDGED, _NO), (60, Act.ACCEPTED, _NO),
            (20, Act.POSTPONED, {"ground": "own_proceedings", "reason": "Her own trial runs until spring."}),
        ),
        convention="untoc", assistance=("video_hearing",),
    ),
    _Case(
        "extended: two items, one done", RequestKind.EVIDENCE, "EC", "CO",
        (
            (130, Act.SENT, _NO), (124, Act.RECEIVED, _NO), (121, Act.ACKNOWLEDGED, _NO), (100, Act.ACCEPTED, _NO),
            (60, Act.PARTLY_EXECUTED, {"items": [1]}),
            (15, Act.EXTENDED, {"stage": "execute", "days": 45, "reason": "The second bank answers only on paper."}),
        ),
        convention="un1988", assistance=("records", "tracing_of_proceeds"), agreement="EC-CO",
    ),
    _Case(
        "late: extradition, decision overdue, person in custody", RequestKind.EXTRADITION, "CO", "EC",
        (
            (95, Act.SENT, _NO), (90, Act.RECEIVED, {"documents": True}), (88, Act.ARRESTED, _NO),
            (87, Act.ACKNOWLEDGED, _NO),
        ),
        convention="untoc", urgency=Urgency.URGENT,
    ),
    _Case(
        "about to expire: provisional arrest, the formal request is still to come", RequestKind.EXTRADITION, "MD", "UA",
        (
            (36, Act.PROVISIONAL_ARREST_REQUESTED, _NO), (35, Act.PROVISIONALLY_ARRESTED, _NO),
            (34, Act.ARREST_NOTIFIED, _NO),
        ),
        convention="ets24", urgency=Urgency.URGENT,
    ),
    _Case(
        "closed: executed late", RequestKind.EVIDENCE, "UA", "MD",
        (
            (200, Act.SENT, _NO), (195, Act.RECEIVED, _NO), (190, Act.ACKNOWLEDGED, _NO), (170, Act.ACCEPTED, _NO),
            (65, Act.EXECUTED, _NO), (64, Act.RESULTS_TRANSMITTED, _NO), (50, Act.RESULTS_RECEIVED, _NO),
            (45, Act.CLOSED, _NO),
        ),
        convention="untoc", assistance=_RECORDS,
    ),
    _Case(
        "awaiting information from the requesting side", RequestKind.EVIDENCE, "BY", "MD",
        (
            (45, Act.SENT, _NO), (41, Act.RECEIVED, _NO), (38, Act.ACKNOWLEDGED, _NO),
            (26, Act.INFORMATION_REQUESTED, {"reason": "Which of the two companies is meant?"}),
        ),
        convention="un1988", assistance=_RECORDS, recorded_by="MD",
    ),
    _Case(
        "closed: refused", RequestKind.EVIDENCE, "KZ", "UZ",
        (
            (120, Act.SENT, _NO), (112, Act.RECEIVED, _NO), (110, Act.ACKNOWLEDGED, _NO),
            (90, Act.REFUSED, {"ground": "dual_criminality"}), (80, Act.CLOSED, _NO),
        ),
        convention="uncac", assistance=_RECORDS,
    ),
    _Case(
        "proceedings: charged and concluded, the result is still to be told", RequestKind.PROCEEDINGS, "UZ", "KZ",
        (
            (150, Act.SENT, _NO), (146, Act.RECEIVED, _NO), (143, Act.ACKNOWLEDGED, _NO), (90, Act.CHARGED, _NO),
            (25, Act.CONCLUDED, _NO),
        ),
        convention="untoc",
    ),
    _Case(
        "closed: executed in time", RequestKind.EVIDENCE, "KG", "KZ",
        (
            (100, Act.SENT, _NO), (97, Act.RECEIVED, _NO), (95, Act.ACKNOWLEDGED, _NO), (80, Act.ACCEPTED, _NO),
            (20, Act.EXECUTED, _NO), (10, Act.CLOSED, _NO),
        ),
        convention="un1988", assistance=_RECORDS, recorded_by="KZ",
    ),
    _Case("draft: seen by Kazakhstan alone", RequestKind.EVIDENCE, "KZ", "KG", (), assistance=("interception",)),
    _Case(
        "running: surrender after a final decision", RequestKind.EXTRADITION, "PE", "EC",
        (
            (80, Act.SENT, _NO), (76, Act.RECEIVED, {"documents": True}), (74, Act.ARRESTED, _NO),
            (73, Act.ACKNOWLEDGED, _NO), (20, Act.GRANTED, _NO), (12, Act.DECISION_FINAL, _NO),
        ),
        convention="un1988",
    ),
    _Case(
        "closed: surrendered", RequestKind.EXTRADITION, "ES", "MA",
        (
            (160, Act.SENT, _NO), (156, Act.RECEIVED, {"documents": True}), (150, Act.ARRESTED, _NO),
            (149, Act.ACKNOWLEDGED, _NO), (110, Act.DECISION_FINAL, _NO), (95, Act.SURRENDERED, _NO),
            (90, Act.CLOSED, _NO),
        ),
        convention="untoc",
    ),
    _Case(
        "running: European Investigation Order, decided in extended time", RequestKind.EVIDENCE, "ES", "PT",
        (
            (75, Act.SENT, _NO), (72, Act.RECEIVED, _NO), (70, Act.ACKNOWLEDGED, _NO),
            (45, Act.EXTENDED, {"stage": "decide", "days": 20, "reason": "A translation was needed."}),
            (30, Act.ACCEPTED, _NO),
        ),
        convention="eio", assistance=("evidence_or_statements",),
    ),
    _Case(
        "late: European Investigation Order, execution overdue", RequestKind.EVIDENCE, "PT", "ES",
        ((140, Act.SENT, _NO), (138, Act.RECEIVED, _NO), (136, Act.ACKNOWLEDGED, _NO), (110, Act.ACCEPTED, _NO)),
        convention="eio", assistance=("search_seizure_freezing",),
    ),
    _Case(
        "closed: European arrest warrant, surrendered with consent", RequestKind.EXTRADITION, "ES", "PT",
        (
            (60, Act.SENT, _NO), (58, Act.ARRESTED, _NO), (58, Act.RECEIVED, _NO), (57, Act.ACKNOWLEDGED, _NO),
            (56, Act.CONSENT_GIVEN, _NO), (50, Act.DECISION_FINAL, _NO), (44, Act.SURRENDERED, _NO),
            (40, Act.CLOSED, _NO),
        ),
        convention="eaw", urgency=Urgency.URGENT,
    ),
)  # fmt: skip

AGREEMENTS: Mapping[str, tuple[str, AgreementKind, tuple[str, ...], int | None, int | None]] = {
    # key: title, kind, parties, years since signature, years in force (None: not yet)
    "MA-ES": ("mutual legal assistance", AgreementKind.MUTUAL_LEGAL_ASSISTANCE, ("MA", "ES"), 12, 10),
    "EC-CO": ("mutual legal assistance", AgreementKind.MUTUAL_LEGAL_ASSISTANCE, ("EC", "CO"), 8, 6),
    "EC-PE": ("extradition", AgreementKind.EXTRADITION, ("EC", "PE"), 1, None),
    "UA-MD": ("mutual legal assistance", AgreementKind.MUTUAL_LEGAL_ASSISTANCE, ("UA", "MD"), 20, 18),
    "BY-MD": ("controlled delivery", AgreementKind.CONTROLLED_DELIVERY, ("BY", "MD"), None, None),
    "KZ-CARICC": ("exchange of information", AgreementKind.MEMORANDUM, ("KZ", "CARICC"), 5, 5),
}


async def load(db: Database, now: datetime) -> Example:
    """Load accounts, agreements and requests into an empty database; every date counts back from `now`."""
    tokens: dict[str, str] = {}
    officers: dict[str, Actor] = {}
    for country in COUNTRIES:
        name = f"{MARK}officer of {country_name(country)}"
        account = await create_account(db, name=name, countries=[country], role=Role.OFFICER, now=now)
        officers[country] = Actor(account, (country,), Role.OFFICER, name)
        tokens[country] = (await create_token(db, account, now=now, name="example")).secret
    ministry = await create_account(
        db, name=f"{MARK}ministry of Morocco", countries=["MA"], role=Role.MINISTRY, now=now
    )
    tokens["MA ministry"] = (await create_token(db, ministry, now=now, name="example")).secret
    agreements = {key: await _record(db, officers, key, now) for key in AGREEMENTS}
    for number, case in enumerate(CASES, start=1):
        await _log(db, officers, case, number, agreements.get(case.agreement or ""), now)
    return Example(tokens, len(AGREEMENTS), len(CASES))


async def _record(db: Database, officers: Mapping[str, Actor], key: str, now: datetime) -> Any:
    title, kind, parties, signed, in_force = AGREEMENTS[key]
    names = " and ".join(country_name(party) if party in COUNTRIES else party for party in parties)
    entry = NewAgreement(
        AgreementFields(
            title=f"{MARK}agreement on {title} between {names}",
            kind=kind,
            scope=AgreementScope.BILATERAL,
            signed_on=(now - timedelta(days=CURRENT_YEAR_DAYS * signed)).date() if signed else None,
            in_force_from=(now - timedelta(days=CURRENT_YEAR_DAYS * in_force)).date() if in_force else None,
        ),
        tuple(
            PartyRow(country=party) if party in COUNTRIES else PartyRow(organisation=party)
            for party in parties
        ),
    )
    return (await record_agreement(db, entry, actor=officers[parties[0]], now=now)).id


async def _log(
    db: Database, officers: Mapping[str, Actor], case: _Case, number: int, agreement_id: Any, now: datetime
) -> None:
    """Each country records its own acts, so a case is logged by one side and goes on from both."""
    logging = case.recorded_by or case.requesting
    acts = [(_country_of(act, case, logging), event) for act, event in _events(case, now)]
    # The other side sees the record once an act shows that the request was sent.
    first = next((number for number, (country, _) in enumerate(acts) if country == logging), 0) + 1
    opening = [event for country, event in acts[:first] if country == logging]
    entry = _request(case, number, agreement_id, opening)
    request = await log_request(db, entry, actor=officers[logging], now=now)
    for country, event in acts:
        if event not in opening:
            await record_event(db, request.id, event, actor=officers[country], now=now)


def _country_of(act: Act, case: _Case, logging: str) -> str:
    if act in OF_EITHER_SIDE:
        return logging
    return case.requesting if place(act) is Side.REQUESTING else case.requested


def _events(case: _Case, now: datetime) -> list[tuple[Act, NewEvent]]:
    today = now.astimezone(default_zone(case.requesting)).date()
    return [
        (act, NewEvent(act, occurred_on=today - timedelta(days=days), data=dict(data)))
        for days, act, data in case.acts
    ]


def _request(case: _Case, number: int, agreement_id: Any, events: Sequence[NewEvent]) -> NewRequest:
    urgent = case.urgency is not Urgency.ROUTINE
    return NewRequest(
        kind=case.kind,
        requesting_country=case.requesting,
        requested_country=case.requested,
        subject=f"{MARK}{case.subject}",
        urgency=case.urgency,
        urgency_reason="The person sought is in custody." if urgent else None,
        convention=case.convention,
        agreement_id=agreement_id,
        assistance=case.assistance,
        external_reference=f"EXAMPLE-{number:02}",
        events=events,
    )
