"""Finding what was changed in chains of the audit: which entry, and where one that stands elsewhere belongs."""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mla_tracker.domain.audit import COLUMNS, FIRST, entry_bytes, mac

WIDTH: Final = len(COLUMNS)
MOST_COMPARED: Final = 12
"""Among how many faulty entries, and how many gaps, is looked for where an entry belongs."""

_CHAIN_KIND: Final = COLUMNS.index("chain_kind")
_CHAIN_ID: Final = COLUMNS.index("chain_id")
_POSITION: Final = COLUMNS.index("position")
_AT: Final = COLUMNS.index("at")
_DETAILS: Final = COLUMNS.index("details")


class Fault(StrEnum):
    """What can be wrong. The last three are of the records, not of the audit."""

    CHANGED = "changed"
    MISSING = "missing"
    SWAPPED = "swapped"
    MOVED = "moved"
    REPEATED = "repeated"
    SEALED_OTHERWISE = "sealed_otherwise"
    NOT_UNDER_A_CHECKPOINT = "not_under_a_checkpoint"
    CHECKPOINT = "checkpoint"
    TRUNCATED = "truncated"
    ROW_DIFFERS = "row_differs"
    ROW_MISSING = "row_missing"
    ROW_UNKNOWN = "row_unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, told in a sentence; the other fields name it for programs where they can.

    `chain` is kind/id, `at` when the entry says it was made; `table`, `key` and `columns` name a row of a record.
    """

    fault: Fault
    sentence: str
    entry: str | None = None
    chain: str | None = None
    position: int | None = None
    at: str | None = None
    table: str | None = None
    key: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Failed:
    """An entry whose MAC is not that of its place; `before` is the MAC that stands before it there."""

    values: tuple[Any, ...]
    mac: bytes
    before: bytes

    def fits(self, key: bytes, chain: tuple[str, str], position: int, before: bytes) -> bool:
        values = list(self.values)
        values[_CHAIN_KIND], values[_CHAIN_ID] = chain
        values[_POSITION] = position
        return hmac.compare_digest(mac(key, before, entry_bytes(values)), self.mac)

    def finding(self, fault: Fault, sentence: str) -> Finding:
        values = self.values
        chain = f"{values[_CHAIN_KIND]}/{values[_CHAIN_ID]}"
        where = f"position {values[_POSITION]} of {chain}" if values[_POSITION] else f"a reading of {chain}"
        return Finding(
            fault,
            f"Entry {values[0]} ({where}, {values[_AT]}) {sentence}",
            entry=values[0],
            chain=chain,
            position=values[_POSITION],
            at=values[_AT],
        )


@dataclass(frozen=True, slots=True)
class _Gap:
    """Positions of a chain that are missing, and the MAC before the first of them."""

    chain: tuple[str, str]
    first: int
    before: bytes


class ChainChecker:
    """Takes entries chain by chain, in order of position, readings last; keeps no more than what is at fault.

    `findings` grow as chains end. Call `close` after the last entry.
    """

    def __init__(self, key: bytes) -> None:
        self.findings: list[Finding] = []
        self.entries = 0
        self.chains = 0
        self._key = key
        self._chain: tuple[str, str] | None = None
        self._position = 0
        self._before = FIRST
        self._meant: bytes | None = None
        self._failed: list[_Failed] = []
        self._astray: list[_Failed] = []
        self._gaps: list[_Gap] = []

    def take(self, rows: Sequence[Any]) -> list[bytes]:
        """Check the next rows: COLUMNS as they are bound, then the MAC. Gives the hash of the leaf of each."""
        key, digest, sha256 = self._key, hmac.digest, hashlib.sha256
        hashes: list[bytes] = []
        for row in rows:
            content = entry_bytes(row[:WIDTH])
            stored = row[WIDTH]
            hashes.append(sha256(b"\0" + content + stored).digest())
            kind, chain_id, position = row[1:4]
            if self._chain != (kind, chain_id):
                self._end_chain()
                self._begin((kind, chain_id))
            if position == self._position + 1 and digest(key, self._before + content, "sha256") == stored:
                self._position, self._before, self._meant = position, stored, None
            else:
                self._look_closer(row[:WIDTH], content, stored)
        self.entries += len(hashes)
        return hashes

    def close(self) -> None:
        """End the last chain, and say of entries that fit nowhere in their chain where they come from."""
        self._end_chain()
        for failed in self._astray:
            gap = next(
                (gap for gap in self._gaps if failed.fits(self._key, gap.chain, gap.first, gap.before)), None
            )
            if gap is not None:
                sentence = f"belongs to {'/'.join(gap.chain)} as position {gap.first}: it was moved to another chain."
                self.findings.append(failed.finding(Fault.MOVED, sentence))
            else:
                self.findings.append(
                    failed.finding(Fault.CHANGED, "was changed, or moved from another chain.")
                )
        self._astray.clear()

    def _begin(self, chain: tuple[str, str]) -> None:
        self._chain = chain
        self.chains += 1
        self._position, self._before, self._meant = 0, FIRST, None

    def _look_closer(self, values: tuple[Any, ...], content: bytes, stored: bytes) -> None:
        """An entry that does not follow: a reading, one after a gap, or one that is not what it was."""
        position = values[_POSITION]
        if position is None:
            if mac(self._key, FIRST, content) != stored:
                self._failed.append(_Failed(values, stored, FIRST))
            return
        if position <= self._position:
            self.findings.append(
                _Failed(values, stored, FIRST).finding(Fault.REPEATED, "stands at a position that is taken.")
            )
            return
        if position > self._position + 1:
            self._gap(position)
        else:
            meant = mac(self._key, self._before, content)
            # Where only the MAC of the entry before was changed, this one still fits what that should be.
            if self._meant is None or mac(self._key, self._meant, content) != stored:
                self._failed.append(_Failed(values, stored, self._before))
                self._position, self._before, self._meant = position, stored, meant
                return
        self._position, self._before, self._meant = position, stored, None

    def _gap(self, position: int) -> None:
        assert self._chain is not None
        first, last = self._position + 1, position - 1
        which = f"position {first} is" if first == last else f"positions {first} to {last} are"
        name = "/".join(self._chain)
        self.findings.append(
            Finding(Fault.MISSING, f"In {name} {which} missing.", chain=name, position=first)
        )
        if len(self._gaps) < MOST_COMPARED**2:
            self._gaps.append(_Gap(self._chain, first, self._before))

    def _end_chain(self) -> None:
        """Say of each entry at fault whether it belongs to another position, and of the rest that it was changed."""
        failed, self._failed = self._failed, []
        if not failed:
            return
        told = [*self._placed(failed[:MOST_COMPARED])]
        if not told:
            told = [(one, None) for one in failed[:MOST_COMPARED]]
        told += [(one, None) for one in failed[MOST_COMPARED:]]
        for one, belongs in told:
            if belongs is not None:
                sentence = f"belongs to position {belongs} of its chain: it was swapped."
                self.findings.append(one.finding(Fault.SWAPPED, sentence))
            elif len(self._astray) < MOST_COMPARED**2:
                self._astray.append(one)
            else:
                self.findings.append(one.finding(Fault.CHANGED, "was changed, or moved from another chain."))

    def _placed(self, failed: Sequence[_Failed]) -> Iterator[tuple[_Failed, int | None]]:
        """The entries at fault with the position where each belongs, if any; less those that only follow one."""
        assert self._chain is not None
        places = {one.values[_POSITION]: one.before for one in failed if one.values[_POSITION]}
        macs = [one.mac for one in failed]
        for one in failed:
            own = one.values[_POSITION]
            belongs = None
            if own is not None:
                tries = ((at, before) for at, held in places.items() for before in (held, *macs))
                belongs = next(
                    (at for at, before in tries if one.fits(self._key, self._chain, at, before)), None
                )
            if belongs is None or belongs != own:
                yield one, belongs


def details_in(values: Sequence[Any]) -> str:
    """What an entry tells in detail."""
    details: str = values[_DETAILS]
    return details
