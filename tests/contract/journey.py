"""A desk's day with the client that openapi-python-client generates: run as `journey.py URL TOKEN`, prints what it got.

Not a test itself: test_clients.py type-checks it against the generated client, runs it and judges what it prints.
"""

import datetime
import json
import sys
from typing import TypeVar

import httpx
from mla_client import AuthenticatedClient
from mla_client.api.agreements import record_agreement, record_agreement_event
from mla_client.api.reports import read_sla
from mla_client.api.requests import (
    amend_request,
    list_requests,
    log_request,
    read_clocks,
    read_request,
    record_event,
)
from mla_client.models import (
    Act,
    AgreementAct,
    AgreementKind,
    Assistance,
    Country,
    EventBody,
    NewAgreement,
    NewAgreementEvent,
    Problem,
    ProblemType,
    RequestBody,
    RequestChange,
    RequestKind,
)
from mla_client.types import UNSET, Unset

Parsed = TypeVar("Parsed")
seen: list[dict[str, object]] = []


def note(response: httpx.Response) -> None:
    """Keep what the server said, for the contract to be held against."""
    response.read()
    seen.append(
        {
            "method": response.request.method,
            "path": response.request.url.path,
            "status": response.status_code,
            "headers": response.headers.multi_items(),
            "body": response.text,
        }
    )


def good(parsed: Parsed | Problem | None) -> Parsed:
    """What was asked for, and no problem."""
    assert parsed is not None
    assert not isinstance(parsed, Problem), parsed
    return parsed


def main(url: str, token: str) -> None:
    client = AuthenticatedClient(url, token=token, httpx_args={"event_hooks": {"response": [note]}})
    sent, received = datetime.date(2026, 3, 2), datetime.date(2026, 3, 9)

    entry = RequestBody(
        kind=RequestKind.EVIDENCE,
        requesting_country=Country.MA,
        requested_country=Country.ES,
        convention="un1988",
        assistance=[Assistance.RECORDS],
        events=[EventBody(Act.SENT, occurred_on=sent), EventBody(Act.RECEIVED, occurred_on=received)],
    )
    logged = log_request.sync_detailed(client=client, body=entry, idempotency_key="a-case")
    case = good(logged.parsed)
    again = log_request.sync_detailed(client=client, body=entry, idempotency_key="a-case")
    assert good(again.parsed).id == case.id
    assert again.headers["Idempotency-Replayed"] == "true"

    clocks = good(read_clocks.sync(case.id, client=client)).items
    assert clocks
    assert all(clock.explanation for clock in clocks if clock.due_on is not None)
    assert isinstance(clocks[0].due_on, datetime.date)

    reminded = EventBody(Act.REMINDED, occurred_on=received + datetime.timedelta(days=1))
    act = record_event.sync_detailed(case.id, client=client, body=reminded, idempotency_key="a-reminder")
    assert good(act.parsed).type_ is Act.REMINDED

    stale = amend_request.sync_detailed(
        case.id, client=client, body=RequestChange(assigned_to="desk 4"), if_match=logged.headers["ETag"]
    )
    assert stale.status_code == 412
    assert isinstance(stale.parsed, Problem)
    assert stale.parsed.type_ is ProblemType.VERSION_STALE
    fresh = read_request.sync_detailed(case.id, client=client)
    amended = amend_request.sync_detailed(
        case.id, client=client, body=RequestChange(assigned_to="desk 4"), if_match=fresh.headers["ETag"]
    )
    assert good(amended.parsed).assigned_to == "desk 4"

    impossible = EventBody(Act.REMINDED, occurred_on=datetime.date(2099, 1, 1))
    refused = record_event.sync(case.id, client=client, body=impossible)
    assert isinstance(refused, Problem)
    assert refused.type_ is ProblemType.DATED_IN_FUTURE

    good(log_request.sync(client=client, body=entry))
    listed, pages = [], 0
    cursor: str | Unset = UNSET
    while True:
        page = good(list_requests.sync(client=client, limit=1, cursor=cursor, country=Country.ES))
        listed += [item.id for item in page.items]
        pages += 1
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert case.id in listed
    assert len(set(listed)) == len(listed) == pages >= 2

    treaty = NewAgreement(
        title="Treaty on legal assistance",
        kind=AgreementKind.MUTUAL_LEGAL_ASSISTANCE,
        parties=[Country.MA, Country.ES],
    )
    agreement = good(record_agreement.sync(client=client, body=treaty))
    signed = NewAgreementEvent(AgreementAct.INITIALLED, occurred_on=datetime.date(2026, 2, 3))
    life = good(record_agreement_event.sync(agreement.id, client=client, body=signed))
    assert [event.type_ for event in life.events] == [AgreementAct.INITIALLED]

    year = datetime.date(2026, 1, 1), datetime.date(2027, 1, 1)
    report = good(read_sla.sync(client=client, from_=year[0], to=year[1]))
    assert report.as_of.tzinfo is not None

    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
