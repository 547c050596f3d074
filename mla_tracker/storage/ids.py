"""Identifiers of records: UUIDv7, so that keys grow with time and an index stays dense."""

import os
from datetime import datetime
from uuid import UUID


def uuid7(now: datetime) -> UUID:
    """A fresh UUIDv7 (RFC 9562) that carries `now` (aware) in milliseconds and 74 random bits."""
    milliseconds = int(now.timestamp() * 1000) & (2**48 - 1)
    random = int.from_bytes(os.urandom(10))
    value = (
        (milliseconds << 80)
        | (0x7 << 76)
        | ((random >> 68 & 0xFFF) << 64)
        | (0b10 << 62)
        | (random & (2**62 - 1))
    )
    return UUID(int=value)


MOST_NUMBERED = 4096


def uuid7_numbered(now: datetime, number: int) -> UUID:
    """The same, but of one millisecond in the order of `number` (below MOST_NUMBERED), which stands after the time."""
    value = uuid7(now).int & ~(0xFFF << 64)
    return UUID(int=value | (number % MOST_NUMBERED) << 64)
