"""Which agreement governs a request on a day, and why no other does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mla_tracker.domain.agreements import (
    APPLYING,
    Agreement,
    applied_since,
    party_status_on,
    status_on,
)
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.vocabulary import AgreementKind, RequestKind

# Which kinds of agreement a request can rest on, the more special first.
FITTING: Mapping[RequestKind, tuple[frozenset[AgreementKind], ...]] = {
    RequestKind.EVIDENCE: (frozenset({AgreementKind.MUTUAL_LEGAL_ASSISTANCE, AgreementKind.CONVENTION}),),
    RequestKind.PROCEEDINGS: (
        frozenset({AgreementKind.TRANSFER_OF_PROCEEDINGS}),
        frozenset({AgreementKind.MUTUAL_LEGAL_ASSISTANCE, AgreementKind.CONVENTION}),
    ),
    RequestKind.INFORMATION: (
        frozenset({AgreementKind.INFORMATION_EXCHANGE, AgreementKind.LAW_ENFORCEMENT_COOPERATION}),
        frozenset({AgreementKind.MUTUAL_LEGAL_ASSISTANCE, AgreementKind.CONVENTION}),
    ),
    RequestKind.EXTRADITION: (frozenset({AgreementKind.EXTRADITION, AgreementKind.CONVENTION}),),
}


@dataclass(frozen=True, slots=True)
class Governing:
    """The agreement that governs a request on a day, or None, and in steps why it and why no other."""

    agreement: Agreement | None
    steps: tuple[Step, ...]


def _speciality(agreement: Agreement, kind: RequestKind) -> int | None:
    """How special the agreement is for requests of that kind, 0 first; None where it does not fit."""
    return next((rank for rank, kinds in enumerate(FITTING[kind]) if agreement.kind in kinds), None)


def governing(
    agreements: Iterable[Agreement], kind: RequestKind, requesting: str, requested: str, day: date
) -> Governing:
    """Which agreement governs a request of `kind` between two countries on a day.

    The more special kind goes first (a treaty on the transfer of proceedings for proceedings), then the
    bilateral before the multilateral, then the one applied since the latest day, then the one recorded first.
    Only what one of the two countries recorded counts: nobody makes law for others by writing it down.
    Agreements to which not both are parties are passed over in silence.
    """
    refused: list[Step] = []
    fitting: list[tuple[tuple[int, bool, int, UUID], date, Agreement]] = []
    for agreement in agreements:
        if agreement.party(requesting) is None or agreement.party(requested) is None:
            continue
        rank = _speciality(agreement, kind)
        since = applied_since(agreement, requesting, requested, day)
        about = {"title": agreement.title}
        if agreement.recorded_by not in (requesting, requested):
            refused.append(Step("agreement-recorded-by-another", {**about, "country": agreement.recorded_by}))
        elif rank is None:
            refused.append(
                Step(
                    "agreement-of-another-kind",
                    {**about, "agreement_kind": agreement.kind.value, "kind": kind.value},
                )
            )
        elif since is None:
            refused.append(_not_in_force(agreement, requesting, requested, day))
        else:
            order = (rank, not agreement.bilateral, -since.toordinal(), agreement.id)
            fitting.append((order, since, agreement))
    if not fitting:
        return Governing(None, tuple(refused))
    (chosen_order, since, chosen), *others = sorted(fitting, key=lambda choice: choice[0])
    governs = Step(
        "agreement-governs",
        {"title": chosen.title, "day": day, "requesting": requesting, "requested": requested, "since": since},
    )
    yields = [
        Step(
            _why_it_yields(chosen_order, order),
            {"title": agreement.title, "chosen": chosen.title, "since": its_since},
        )
        for order, its_since, agreement in others
    ]
    return Governing(chosen, (governs, *yields, *refused))


def _not_in_force(agreement: Agreement, a: str, b: str, day: date) -> Step:
    """Why an agreement does not apply on the day: its own status, else that of the party not bound."""
    about = {"title": agreement.title, "day": day}
    status = status_on(agreement, day)
    if status not in APPLYING:
        return Step("agreement-does-not-apply", {**about, "status": status.value})
    unbound = [name for name in (a, b) if party_status_on(agreement, name, day) not in APPLYING]
    return Step("agreement-not-binding", {**about, "countries": unbound})


def _why_it_yields(chosen: tuple[int, bool, int, UUID], other: tuple[int, bool, int, UUID]) -> str:
    """The first of the orders in which the other one comes later."""
    codes = ("agreement-less-special", "agreement-multilateral", "agreement-older", "agreement-same")
    return next(code for code, ours, its in zip(codes, chosen, other, strict=True) if ours != its)


TEMPLATES: Mapping[str, str] = {
    "agreement-governs": (
        "{title} governs between {requesting} and {requested} on {day}; it applies since {since}."
    ),
    "agreement-less-special": "{title} does not govern: {chosen} is about such requests in particular.",
    "agreement-multilateral": "{title} does not govern: {chosen} is bilateral and goes before it.",
    "agreement-older": "{title} does not govern: {chosen} is later, this one applies since {since}.",
    "agreement-same": "{title} does not govern: {chosen} applies since the same day and was recorded first.",
    "agreement-of-another-kind": "{title} does not govern: {agreement_kind} is no basis for {kind}.",
    "agreement-does-not-apply": "{title} does not govern: on {day} its status was {status}.",
    "agreement-not-binding": "{title} does not govern: on {day} it did not bind {countries}.",
    "agreement-recorded-by-another": "{title} does not govern: {country}, a third country, recorded it.",
}
