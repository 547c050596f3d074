"""Reads the catalogue's TOML strictly: every key is asked for by name and type, any other key is an error."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from importlib.resources.abc import Traversable
from typing import TypeVar

from mla_tracker.domain.limits import Span
from mla_tracker.domain.vocabulary import Unit

Member = TypeVar("Member", bound=StrEnum)

SPAN = re.compile(r"(-?[1-9][0-9]{0,5}) ([a-z]+(?: [a-z]+)?)")


class CatalogueError(Exception):
    """A catalogue file says something that cannot be meant; the message names the file and the entry."""


class Table:
    """One TOML table of a catalogue file; `place` says where it stands, for messages."""

    def __init__(self, values: Mapping[str, object], place: str) -> None:
        self._values = dict(values)
        self._asked: set[str] = set()
        self.place = place

    def error(self, what: str) -> CatalogueError:
        return CatalogueError(f"{self.place}: {what}")

    def _get(self, name: str) -> object:
        self._asked.add(name)
        return self._values.get(name)

    def has(self, name: str) -> bool:
        return name in self._values

    def finish(self) -> None:
        """Raises CatalogueError where the table holds a key that was never asked for."""
        unknown = sorted(self._values.keys() - self._asked)
        if unknown:
            raise self.error(f"unknown key {', '.join(unknown)}. Correct the spelling or take it out.")

    def text(self, name: str) -> str:
        """A text that must be there and not be blank."""
        value = self.text_or_none(name)
        if value is None:
            raise self.error(f"{name} is missing. Add it.")
        return value

    def text_or_none(self, name: str) -> str | None:
        value = self._get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{name} must be a text that is not blank, not {value!r}.")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts without repetition; empty if left out."""
        values = self._list(name)
        texts = tuple(value for value in values if isinstance(value, str) and value.strip())
        if len(texts) != len(values):
            raise self.error(f"{name} must be a list of texts that are not blank.")
        if len(set(texts)) != len(texts):
            raise self.error(f"{name} names something twice.")
        return texts

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(f"{name} must be true or false, not {value!r}.")
        return value

    def flag_or_none(self, name: str) -> bool | None:
        return self.flag(name) if self.has(name) else None

    def whole(self, name: str) -> int | None:
        """A whole number from 1; None if left out."""
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.error(f"{name} must be a whole number from 1, not {value!r}.")
        return value

    def wholes(self, name: str) -> tuple[int, ...]:
        """Whole numbers from 1, each larger than the one before; empty if left out."""
        values = self._list(name)
        numbers = tuple(value for value in values if isinstance(value, int) and not isinstance(value, bool))
        if len(numbers) != len(values) or any(number < 1 for number in numbers):
            raise self.error(f"{name} must be a list of whole numbers from 1.")
        if list(numbers) != sorted(set(numbers)):
            raise self.error(f"{name} must rise from number to number.")
        return numbers

    def day(self, name: str) -> date | None:
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, datetime) or not isinstance(value, date):
            raise self.error(f"{name} must be a date like 2017-05-22 without quotation marks, not {value!r}.")
        return value

    def span(self, name: str) -> Span | None:
        """A length of time like "30 days", "1 week", "10 working days", "-50 days"; None if left out."""
        value = self.text_or_none(name)
        if value is None:
            return None
        match = SPAN.fullmatch(value)
        plural = "" if match is None else match[2].replace(" ", "_").removesuffix("s") + "s"
        if match is None or plural not in set(Unit):
            raise self.error(f'{name} = "{value}" is no length of time. Write it like "30 days".')
        return Span(int(match[1]), Unit(plural))

    def member(self, name: str, words: type[Member]) -> Member:
        """One word of a closed list, which must be there."""
        return self.member_of(name, self.text(name), words)

    def member_or_none(self, name: str, words: type[Member]) -> Member | None:
        return self.member(name, words) if self.has(name) else None

    def members(self, name: str, words: type[Member]) -> tuple[Member, ...]:
        return tuple(self.member_of(name, text, words) for text in self.texts(name))

    def member_of(self, name: str, value: str, words: type[Member]) -> Member:
        """The word of a closed list that a text found under `name` stands for."""
        try:
            return words(value)
        except ValueError:
            raise self.error(f'{name} = "{value}" is unknown. Known are {", ".join(words)}.') from None

    def table(self, name: str) -> "Table | None":
        value = self._get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(f"{name} must be a table.")
        return Table(value, f"{self.place}, {name}")

    def tables(self, name: str) -> "tuple[Table, ...]":
        """A list of tables; a bare text in it stands for a table with nothing but that text as its `act`."""
        return tuple(self._tables(name))

    def _tables(self, name: str) -> "Iterator[Table]":
        for number, value in enumerate(self._list(name), start=1):
            place = f"{self.place}, {name} {number}"
            if isinstance(value, str):
                yield Table({"act": value}, place)
            elif isinstance(value, dict):
                yield Table(value, place)
            else:
                raise self.error(f"{name} must be a list of names or tables.")

    def _list(self, name: str) -> list[object]:
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(f"{name} must be a list, not {value!r}.")
        return list(value)

    def plain_values(self) -> dict[str, str | int | bool]:
        """All that the table holds, which must be texts, whole numbers, true or false."""
        values: dict[str, str | int | bool] = {}
        for name in self._values:
            value = self._get(name)
            if not isinstance(value, (str, int, bool)):
                raise self.error(f"{name} must be a text, a whole number, true or false, not {value!r}.")
            values[name] = value
        return values

    def over(self, defaults: "Table", place: str) -> "Table":
        """This table with the values of another where its own are missing."""
        return Table({**defaults._values, **self._values}, place)


def toml_files(folder: Traversable) -> tuple[Traversable, ...]:
    """The TOML files of a folder by name."""
    return tuple(sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name))


def parse(text: str, *, file: str) -> Table:
    """The whole of a TOML file. Raises CatalogueError naming the file where it is no TOML."""
    try:
        return Table(tomllib.loads(text), file)
    except tomllib.TOMLDecodeError as fault:
        raise CatalogueError(f"{file}: this is no TOML: {fault}.") from fault
