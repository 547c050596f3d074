"""What the import of every kind of record has in common: rows as they were read, and what becomes of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mla_tracker.domain.errors import DomainError
from mla_tracker.storage.imports import Counted, Remark

BATCH: Final = 250
"""Rows that share a transaction and what they ask of law, calendars and accounts."""

Fault = tuple[str, str]

WHOLE: Final = ""
"""The field of a fault that is none of a single field."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row of a file: what it says, or what is wrong with it. `number` is its place in the file, from 1.

    `columns`: the columns from which the parts of the record were read, by JSON pointer; none where there are none.
    """

    number: int
    entry: Any = None
    faults: Sequence[Fault] = ()
    warnings: Sequence[Fault] = ()
    columns: Mapping[str, str] = field(default_factory=dict)

    def column(self, pointer: str) -> str:
        """The column that a pointer into the record is about; the pointer itself where the file has none."""
        for at in sorted(self.columns, key=len, reverse=True):
            if pointer == at or pointer.startswith(f"{at}/"):
                return self.columns[at]
        return pointer.removeprefix("/") if self.columns else pointer


@dataclass(slots=True)
class Seen:
    """References met so far in a file of which nothing is written, by a short hash of each."""

    hashes: set[int] = field(default_factory=set)

    def knows(self, country: str, reference: str) -> bool:
        """Whether a reference was met."""
        return hash((country, reference)) in self.hashes

    def again(self, country: str, reference: str) -> bool:
        """Whether a reference was met before; it has been now."""
        known = hash((country, reference))
        if known in self.hashes:
            return True
        self.hashes.add(known)
        return False


@dataclass(slots=True)
class Outcome:
    """What became of a batch."""

    counted: Counted = field(default_factory=Counted)
    remarks: list[Remark] = field(default_factory=list)
    compared: list[Mapping[str, Any]] = field(default_factory=list)
    """The recorded requests that rows were held against: what became of a row tells what they say."""

    def recorded(self, row: ReadRow, warnings: Iterable[Fault] = ()) -> None:
        """A row that is, or would be, recorded."""
        self._take(row, warnings, recorded=1)

    def skipped(self, row: ReadRow) -> None:
        """A row that says what is recorded already."""
        self._take(row, (), skipped=1)

    def _take(self, row: ReadRow, warnings: Iterable[Fault], **counted: int) -> None:
        told = [*row.warnings, *warnings]
        self.remarks += [Remark(row.number, False, at, why) for at, why in told]
        self.counted += Counted(position=1, warned=bool(told), **counted)

    def refused(self, row: ReadRow, faults: Sequence[Fault]) -> None:
        """A row that is not taken, with every reason."""
        self.remarks += [Remark(row.number, True, row.column(at), why) for at, why in faults]
        self.counted += Counted(position=1, refused=1)

    def in_order(self) -> "Outcome":
        """The same, its remarks by row."""
        return replace(self, remarks=sorted(self.remarks, key=lambda one: one.row))


def faults_of_error(error: DomainError) -> list[Fault]:
    """The reasons of a refusal, each with its field."""
    return list(error.fields) or [(WHOLE, error.detail)]
