"""The columns of CSV by kind of record: how each cell is read and written. docs/imports.md is made from this table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mla_tracker.api.files import cells
from mla_tracker.domain.vocabulary import Act


class Form(StrEnum):
    """What a cell holds."""

    TEXT = "text"
    WORDS = "words"
    """Text that people wrote, blanks at its ends included."""
    DAY = "day"
    COUNTRY = "country"
    LIST = "list"
    JSON = "JSON"
    PARTIES = "parties"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its value stands in the record, in which form, and what to say of it to people."""

    name: str
    form: Form
    words: str
    path: tuple[str, ...] = ()
    act: Act | None = None
    """The act of which it tells the day, or, with `of`, something else."""
    of: str | None = None

    @property
    def place(self) -> tuple[str, ...]:
        """Where in the record."""
        return self.path or (self.name,)


def _usual(act: Act, words: str) -> Column:
    return Column(f"{act.value}_on", Form.DAY, words, act=act)


USUAL_ACTS: Final = (
    Act.SENT, Act.RECEIVED, Act.ACKNOWLEDGED, Act.ACCEPTED, Act.EXECUTED, Act.REFUSED, Act.CLOSED,
)  # fmt: skip

_REQUESTS: Final = (
    Column("id", Form.TEXT, "Of an export; not looked at."),
    Column("external_reference", Form.TEXT, "Your own reference, once only. By it a repeated import is known."),
    Column("kind", Form.TEXT, "Kind of request, as in the API: evidence, extradition, …"),
    Column("requesting_country", Form.COUNTRY, "Who asks."),
    Column("requested_country", Form.COUNTRY, "Who is asked."),
    Column("recorded_by", Form.COUNTRY, "Whose record it is; by default your own country's."),
    Column("subject", Form.WORDS, "One line, sealed."),
    Column("urgency", Form.TEXT, "routine by default."),
    Column("urgency_reason", Form.WORDS, "Needed where it is not routine."),
    Column("agreement_reference", Form.TEXT, "The external reference that your country gave the agreement relied on."),
    Column("agreement_id", Form.TEXT, "Or its id."),
    Column("convention", Form.TEXT, "Or the instrument relied on, by its id in the catalogue."),
    Column("assistance", Form.LIST, "Forms of assistance."),
    Column("circumstances", Form.LIST, "Facts on which a limit depends."),
    Column("offences", Form.LIST, "Offences, each one line."),
    Column("channel", Form.TEXT, "By which way."),
    Column("language", Form.TEXT, "Code of the language."),
    Column("reference_requesting", Form.TEXT, "File number of the requesting side.", ("references", "requesting")),
    Column("reference_requested", Form.TEXT, "File number of the requested side.", ("references", "requested")),
    Column("assigned_to", Form.TEXT, "The officer on your own side."),
    Column("wished_by", Form.DAY, "The day by which it is wished for."),
    Column("wished_by_reason", Form.WORDS, "Why."),
    Column("handling", Form.TEXT, "open by default."),
    _usual(Act.SENT, "When it was sent."),
    _usual(Act.RECEIVED, "When it arrived."),
    _usual(Act.ACKNOWLEDGED, "When that was confirmed."),
    _usual(Act.ACCEPTED, "When execution was ordered."),
    _usual(Act.EXECUTED, "When it was executed."),
    _usual(Act.REFUSED, "When it was refused."),
    Column("refused_ground", Form.TEXT, "On what ground, as in the API.", act=Act.REFUSED, of="ground"),
    Column("refused_reason", Form.WORDS, "Why, in words; sealed.", act=Act.REFUSED, of="reason"),
    _usual(Act.CLOSED, "When the case was closed."),
    Column("events", Form.JSON, "Further acts, those with more to say than a day, and those taken back: a list."),
    Column("persons", Form.JSON, "Who it is about: a list as in the API."),
    Column("notes", Form.JSON, 'Notes of your own side: a list, as [{"text": "…"}].'),
)  # fmt: skip

_AGREEMENTS: Final = (
    Column("id", Form.TEXT, "Of an export; not looked at."),
    Column("external_reference", Form.TEXT, "Your own reference, once only. By it a repeated import is known."),
    Column("recorded_by", Form.COUNTRY, "Whose record it is; by default your own country's."),
    Column("title", Form.WORDS, "One line."),
    Column("kind", Form.TEXT, "Kind of agreement, as in the API."),
    Column("scope", Form.TEXT, "bilateral or multilateral; by default by the number of parties."),
    Column("parties", Form.PARTIES, "All parties in one cell, parted by ; or /. An organisation is written org:name."),
    Column("party_dates", Form.JSON, "Dates of parties: objects as in the API, of parties that `parties` names too."),
    Column("signed_on", Form.DAY, "Day of signature."),
    Column("in_force_from", Form.DAY, "First day in force."),
    Column("provisionally_applied_from", Form.DAY, "First day of provisional application."),
    Column("terminated_on", Form.DAY, "First day on which it no longer was in force."),
    Column("languages", Form.LIST, "Codes of its languages."),
    Column("limits", Form.JSON, "Limits that it sets, as in the API."),
    Column("notes", Form.WORDS, "For your own country."),
    Column("events", Form.JSON, "Events of its life, as in the API, and those taken back: a list."),
)  # fmt: skip

_DIRECTORY: Final = (
    Column("id", Form.TEXT, "Of an export; not looked at."),
    Column("external_reference", Form.TEXT, "Your own reference, once only. A repeated import amends what bears it."),
    Column("country", Form.COUNTRY, "Your own country."),
    Column("authority", Form.WORDS, "Name of the authority."),
    Column("functions", Form.LIST, "Kinds of requests that it takes; none: all."),
    Column("instruments", Form.LIST, "Ids of instruments that it was named under; none: whatever."),
    Column("languages", Form.LIST, "Codes of languages that it takes."),
    Column("address", Form.WORDS, "With line breaks, if wanted."),
    Column("phone", Form.TEXT, "With its country code."),
    Column("email", Form.TEXT, "One address."),
    Column("valid_from", Form.DAY, "First day on which it holds."),
    Column("valid_to", Form.DAY, "First day on which it no longer does."),
)  # fmt: skip

COLUMNS: Final[Mapping[str, Sequence[Column]]] = {
    "requests": _REQUESTS,
    "agreements": _AGREEMENTS,
    "directory": _DIRECTORY,
}

REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "requests": frozenset({"kind", "requesting_country", "requested_country"}),
    "agreements": frozenset({"title", "kind", "parties"}),
    "directory": frozenset({"country", "authority"}),
}
"""Columns that a file must have."""

READ: Final[Mapping[Form, Callable[[str, str], Any]]] = {
    Form.TEXT: lambda cell, days: cell.strip(),
    Form.WORDS: lambda cell, days: cell,
    Form.DAY: cells.read_date,
    Form.COUNTRY: lambda cell, days: cells.read_country(cell),
    Form.LIST: lambda cell, days: cells.read_list(cell),
    Form.JSON: lambda cell, days: cells.read_json(cell),
    Form.PARTIES: lambda cell, days: cells.read_parties(cell),
}
