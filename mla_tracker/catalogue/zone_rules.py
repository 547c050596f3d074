"""Rules of time zones from the `tzdata` package as compiled bytes (TZif), and on which instants two of them differ."""

import hashlib
from datetime import UTC, datetime, timedelta
from importlib import import_module, resources
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2050
_A_DAY: Final = timedelta(days=1)
_A_SECOND: Final = timedelta(seconds=1)


def source() -> str:
    """What these rules were made from, e.g. "tzdata 2026a"."""
    return f"tzdata {import_module('tzdata').IANA_VERSION}"


def zone_rules(name: str) -> bytes:
    """The rules of a zone (e.g. Europe/Madrid) as they ship. Raises KeyError for a zone that is none."""
    parts = name.split("/")
    if not all(part and part.strip(".") for part in parts):
        raise KeyError(name)
    try:
        return resources.files("tzdata").joinpath("zoneinfo", *parts).read_bytes()
    except OSError as error:
        raise KeyError(name) from error


def digest(rules: bytes) -> str:
    """SHA-256 of the rules, in hexadecimal."""
    return hashlib.sha256(rules).hexdigest()


def zone_from(name: str, rules: bytes) -> ZoneInfo:
    """The zone that the rules make. Two of one name are two zones: keep one for each digest."""
    return ZoneInfo.from_file(BytesIO(rules), key=name)


def first_difference(before: ZoneInfo, after: ZoneInfo) -> datetime | None:
    """The first instant from 1990 to 2050 from which clocks show different times; None: they agree throughout."""
    found = set(_changes(before)) ^ set(_changes(after))
    return min((instant for instant, _ in found), default=None)


def _changes(zone: ZoneInfo) -> list[tuple[datetime, timedelta]]:
    """The instants at which the zone's distance from UTC changes, to the second, each with the new distance.

    Looked at day by day: no country ever moved its clocks and back within one.
    """
    at, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    offset = _offset(at, zone)
    found = [(at, offset)]
    while at < end:
        ahead = at + _A_DAY
        becomes = _offset(ahead, zone)
        if becomes != offset:
            first, last = at, ahead
            while last - first > _A_SECOND:
                middle = first + timedelta(seconds=(last - first) // _A_SECOND // 2)
                if _offset(middle, zone) == offset:
                    first = middle
                else:
                    last = middle
            found.append((last, becomes))
        at, offset = ahead, becomes
    return found


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return offset
