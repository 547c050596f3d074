"""The life of agreements on given days, whom they bind, and what looks odd in their dates."""

from datetime import date

import pytest

from mla_tracker.domain.agreement_warnings import TEMPLATES as WARNINGS
from mla_tracker.domain.agreement_warnings import warnings
from mla_tracker.domain.agreements import (
    Agreement,
    applied_since,
    first_public_day,
    in_force_between,
    life,
    party_status_on,
    status_on,
)
from mla_tracker.domain.sentences import sentence
from tests.builders.agreements import AgreementBuilder, a_party, an_agreement


def day(text: str) -> date:
    return date.fromisoformat(text)


SIGNED = an_agreement().signed("2019-05-01")
IN_FORCE = SIGNED.in_force("2020-01-01")
SUSPENDED = IN_FORCE.then("suspended", "2021-01-01").then("resumed", "2021-07-01")
APPLIED = SIGNED.applied("2019-06-01")
MANY = an_agreement().between("MA", "ES", "FR")
LIVES = [
    ("nothing is recorded yet", an_agreement(), "2026-01-01 negotiating"),
    ("negotiated", an_agreement().then("negotiation_opened", "2018-01-01"), "2018-01-01 negotiating"),
    ("initialled: binds nobody", an_agreement().then("initialled", "2018-01-01"), "2018-06-01 negotiating"),
    ("signed", SIGNED, "2019-04-30 negotiating, 2019-05-01 signed, 2026-01-01 signed"),
    (
        "signed, by an event",
        an_agreement().then("signed", "2019-05-01"),
        "2019-04-30 negotiating, 2019-05-01 signed",
    ),
    (
        "signed by one side after the other",
        an_agreement().then("signed", "2019-05-01", by="MA").then("signed", "2019-05-09", by="ES"),
        "2019-05-01 negotiating, 2019-05-08 negotiating, 2019-05-09 signed",
    ),
    (
        "ratified, signature unknown",
        an_agreement().then("ratified", "2019-09-01", by="MA"),
        "2019-09-01 signed",
    ),
    ("provisionally applied", APPLIED, "2019-05-31 signed, 2019-06-01 provisionally_applied"),
    (
        "provisionally applied until in force",
        APPLIED.in_force("2020-01-01"),
        "2019-12-31 provisionally_applied, 2020-01-01 in_force",
    ),
    ("provisionally applied too late", IN_FORCE.applied("2020-06-01"), "2020-06-01 in_force"),
    ("in force", IN_FORCE, "2019-12-31 signed, 2020-01-01 in_force, 2026-01-01 in_force"),
    ("in force, by an event", SIGNED.then("entered_into_force", "2020-01-01"), "2020-01-01 in_force"),
    ("in force, signature unknown", an_agreement().in_force("2020-01-01"), "2020-01-01 in_force"),
    ("in force before signature", SIGNED.in_force("2018-01-01"), "2018-01-01 in_force, 2019-05-01 in_force"),
    ("in force one day", SIGNED.in_force("2030-01-01"), "2029-12-31 signed, 2030-01-01 in_force"),
    (
        "in force when both are bound",
        an_agreement().between(a_party("MA", bound="2020-01-01"), a_party("ES", bound="2020-03-01")),
        "2020-02-29 negotiating, 2020-03-01 in_force",
    ),
    ("amended", IN_FORCE.then("amended", "2021-01-01"), "2021-01-01 in_force"),
    (
        "suspended and resumed",
        SUSPENDED,
        "2020-12-31 in_force, 2021-01-01 suspended, 2021-06-30 suspended, 2021-07-01 in_force",
    ),
    (
        "resumed on the day of suspension",
        IN_FORCE.then("resumed", "2021-01-01").then("suspended", "2021-01-01"),
        "2021-01-01 in_force, 2021-01-02 in_force",
    ),
    (
        "suspended again",
        SUSPENDED.then("suspended", "2022-01-01"),
        "2021-12-31 in_force, 2022-02-01 suspended",
    ),
    ("suspended by one side", IN_FORCE.then("suspended", "2021-01-01", by="ES"), "2021-01-01 suspended"),
    (
        "suspended from a later day",
        IN_FORCE.then("suspended", "2021-01-01", effective="2021-02-01"),
        "2021-01-31 in_force, 2021-02-01 suspended",
    ),
    (
        "provisional application resumed",
        APPLIED.then("suspended", "2019-07-01").then("resumed", "2019-08-01"),
        "2019-07-31 suspended, 2019-08-01 provisionally_applied",
    ),
    ("suspended while only signed", SIGNED.then("suspended", "2019-07-01"), "2019-07-01 signed"),
    ("resumed while only signed", SIGNED.then("resumed", "2019-07-01"), "2019-07-01 signed"),
    (
        "denounced with notice",
        IN_FORCE.then("denounced", "2024-01-01", by="ES", effective="2024-07-01"),
        "2024-01-01 in_force, 2024-06-30 in_force, 2024-07-01 terminated",
    ),
    ("denounced from no day", IN_FORCE.then("denounced", "2024-01-01"), "2030-01-01 in_force"),
    ("terminated", IN_FORCE.ended("2024-01-01"), "2023-12-31 in_force, 2024-01-01 terminated"),
    (
        "terminated while suspended",
        SUSPENDED.ended("2021-03-01"),
        "2021-02-28 suspended, 2021-08-01 terminated",
    ),
    ("terminated, by an event", IN_FORCE.then("terminated", "2024-01-01"), "2024-01-01 terminated"),
    ("superseded", IN_FORCE.then("superseded", "2024-01-01"), "2023-12-31 in_force, 2024-01-01 terminated"),
    ("negotiations broken off", an_agreement().then("terminated", "2018-01-01"), "2018-01-01 terminated"),
    (
        "in force once more",
        IN_FORCE.ended("2022-01-01").then("entered_into_force", "2024-01-01"),
        "2023-12-31 terminated, 2024-01-01 in_force",
    ),
    ("many: one signed", MANY.between(a_party("MA", signed="2000-01-01"), "ES", "FR"), "2000-01-01 signed"),
    ("many: one is bound", MANY.between(a_party("MA", bound="2000-01-01"), "ES", "FR"), "2000-01-01 signed"),
    (
        "many: two are bound",
        MANY.between(a_party("MA", bound="2000-01-01"), a_party("ES", bound="2001-01-01"), "FR"),
        "2000-12-31 signed, 2001-01-01 in_force",
    ),
    (
        "many: one left",
        MANY.in_force("2000-01-01").between(a_party("MA", left="2010-01-01"), "ES", "FR"),
        "2010-01-01 in_force",
    ),
    (
        "many: all left",
        MANY.in_force("2000-01-01").between(
            a_party("MA", left="2010-01-01"),
            a_party("ES", left="2012-01-01"),
            a_party("FR", left="2011-01-01"),
        ),
        "2009-12-31 in_force, 2012-01-01 terminated",
    ),
    (
        "many: one suspended it for itself",
        MANY.in_force("2000-01-01").then("suspended", "2005-01-01", by="MA"),
        "2004-12-31 in_force, 2005-01-01 in_force",
    ),
    (
        "many: one suspended it, the others left",
        MANY.between("MA", a_party("ES", left="2012-01-01"), a_party("FR", left="2011-01-01"))
        .in_force("2000-01-01")
        .then("suspended", "2005-01-01", by="MA"),
        "2012-01-01 in_force",
    ),
]


@pytest.mark.parametrize(("case", "agreement", "told"), LIVES, ids=[case for case, _, _ in LIVES])
def test_the_status_of_an_agreement_follows_from_its_dates_and_events(
    case: str, agreement: AgreementBuilder, told: str
) -> None:
    expected = [tuple(entry.split()) for entry in told.split(", ")]
    built = agreement.build()
    assert [(on, status_on(built, day(on)).value) for on, _ in expected] == expected


def test_the_order_of_recording_never_changes_the_life_of_an_agreement() -> None:
    forwards = SUSPENDED.then("denounced", "2024-01-01", effective="2024-07-01").build()
    backwards = AgreementBuilder(dates=SUSPENDED.dates, events=forwards.events[::-1]).build()
    assert life(forwards) == life(backwards)
    assert [status for _, status in life(forwards)] == [
        "signed",
        "in_force",
        "suspended",
        "in_force",
        "terminated",
    ]


PUBLIC_FROM = [
    (SIGNED, "2019-05-01"),
    (an_agreement(), None),
    (an_agreement().applied("2019-06-01"), "2019-06-01"),
    (an_agreement().in_force("2020-01-01"), "2020-01-01"),
    (an_agreement().then("ratified", "2019-09-01", by="MA"), "2019-09-01"),
    (an_agreement().then("signed", "2019-05-01", by="MA"), None),
    (an_agreement().then("initialled", "2019-05-01"), None),
    (an_agreement().then("terminated", "2019-05-01"), None),
    (an_agreement().ended("2019-05-01"), None),
    (MANY.between(a_party("MA", signed="2000-01-01"), "ES", "FR"), "2000-01-01"),
    (MANY.between("MA", a_party("ES", bound="1999-01-01"), "FR"), "1999-01-01"),
]


@pytest.mark.parametrize(("agreement", "expected"), PUBLIC_FROM)
def test_an_agreement_is_secret_until_it_is_signed_applied_or_in_force(
    agreement: AgreementBuilder, expected: str | None
) -> None:
    assert first_public_day(agreement.build()) == (day(expected) if expected else None)


ETS = (
    MANY.between(
        "MA",
        "ES",
        a_party("FR", signed="1990-01-01", bound="1995-01-01"),
        a_party("IE", signed="1990-01-01"),
        a_party("GB", left="2010-01-01"),
        "Europol",
    )
    .signed("1990-01-01")
    .in_force("1992-01-01")
    .then("ratified", "1996-01-01", by="IE")
    .then("suspended", "2000-01-01", by="FR")
    .then("resumed", "2001-01-01", by="FR")
    .then("denounced", "2014-01-01", by="ES", effective="2015-01-01")
    .build()
)
BETWEEN = [
    ("both share the agreement's entry into force", "MA", "ES", "1992-01-01", True),
    ("whatever the order", "ES", "MA", "1992-01-01", True),
    ("not before it", "MA", "ES", "1991-12-31", False),
    ("one is bound only later", "MA", "FR", "1994-12-31", False),
    ("and then is", "MA", "FR", "1995-01-01", True),
    ("who has only signed or ratified is not bound", "MA", "IE", "2020-01-01", False),
    ("who left is no longer bound", "MA", "GB", "2010-01-01", False),
    ("but was until then", "MA", "GB", "2009-12-31", True),
    ("one suspended it for itself", "MA", "FR", "2000-06-01", False),
    ("the others go on", "MA", "ES", "2000-06-01", True),
    ("until it resumed", "MA", "FR", "2001-01-01", True),
    ("one denounced it", "MA", "ES", "2015-01-01", False),
    ("the others stay", "MA", "FR", "2015-01-01", True),
    ("an organisation is bound like a country", "MA", "Europol", "2000-01-01", True),
    ("a third country is not a party", "MA", "DE", "2000-01-01", False),
    ("nobody has a treaty with itself", "MA", "MA", "2000-01-01", False),
]


@pytest.mark.parametrize(("case", "a", "b", "on", "binds"), BETWEEN, ids=[row[0] for row in BETWEEN])
def test_an_agreement_among_many_binds_two_of_them_by_their_own_dates(
    case: str, a: str, b: str, on: str, binds: bool
) -> None:
    assert in_force_between(ETS, a, b, day(on)) is binds


def test_an_agreement_applied_provisionally_binds_and_a_suspended_one_does_not() -> None:
    assert in_force_between(APPLIED.build(), "MA", "ES", day("2019-06-01"))
    assert not in_force_between(SUSPENDED.build(), "MA", "ES", day("2021-03-01"))
    assert party_status_on(APPLIED.build(), "MA", day("2019-06-01")) == "provisionally_applied"
    assert party_status_on(APPLIED.build(), "DE", day("2019-06-01")) is None


def test_a_suspension_does_not_make_an_agreement_younger() -> None:
    assert applied_since(SUSPENDED.build(), "MA", "ES", day("2020-06-01")) == day("2020-01-01")
    assert applied_since(SUSPENDED.build(), "MA", "ES", day("2022-01-01")) == day("2020-01-01")
    assert applied_since(SUSPENDED.build(), "MA", "ES", day("2021-03-01")) is None
    assert applied_since(APPLIED.in_force("2020-01-01").build(), "MA", "ES", day("2022-01-01")) == day(
        "2019-06-01"
    )


def codes(agreement: Agreement) -> list[str]:
    return [step.code for step in warnings(agreement)]


ODDITIES = [
    ("in-force-before-signature", SIGNED.in_force("2018-01-01")),
    (
        "in-force-before-signature",
        MANY.between("MA", "ES", a_party("FR", signed="2001-01-01", bound="2000-01-01")),
    ),
    ("in-force-before-signature", SIGNED.then("entered_into_force", "2018-01-01")),
    ("terminated-before-begun", IN_FORCE.ended("2019-12-31")),
    ("terminated-before-begun", SIGNED.ended("2018-01-01")),
    ("applied-before-signature", SIGNED.applied("2018-01-01")),
    ("applied-after-entry-into-force", IN_FORCE.applied("2021-01-01")),
    ("date-and-event-differ", SIGNED.then("signed", "2019-05-02")),
    ("date-and-event-differ", IN_FORCE.then("entered_into_force", "2020-02-01")),
    ("signed-by-one-side", an_agreement().then("signed", "2019-05-01", by="MA")),
    ("signed-by-one-side", an_agreement().between(a_party("MA", signed="2019-05-01"), "ES")),
    ("ratified-not-bound", MANY.signed("2000-01-01").then("ratified", "2001-01-01", by="FR")),
    ("ratified-by-whom", SIGNED.then("ratified", "2019-09-01")),
    ("denounced-without-effect", IN_FORCE.then("denounced", "2024-01-01")),
    ("effective-before-act", IN_FORCE.then("terminated", "2024-01-01", effective="2023-01-01")),
    ("suspended-without-effect", SIGNED.then("suspended", "2024-01-01")),
    ("resumed-without-effect", IN_FORCE.then("resumed", "2024-01-01")),
    ("ended-without-beginning", an_agreement().ended("2018-01-01")),
]


@pytest.mark.parametrize(("code", "agreement"), ODDITIES)
def test_odd_dates_are_told_in_a_sentence(code: str, agreement: AgreementBuilder) -> None:
    assert codes(agreement.build()) == [code]
    assert all(sentence(step) for step in warnings(agreement.build()))


@pytest.mark.parametrize(
    "agreement",
    [
        an_agreement(),
        SUSPENDED.ended("2024-01-01"),
        SIGNED.then("signed", "2019-05-01").then("ratified", "2019-09-01", by="MA"),
        MANY.in_force("2000-01-01").then("suspended", "2001-01-01", by="FR"),
    ],
)
def test_an_orderly_life_brings_no_warning(agreement: AgreementBuilder) -> None:
    assert codes(agreement.build()) == []


def test_every_warning_has_words() -> None:
    assert {code for code, _ in ODDITIES} == set(WARNINGS)
