"""Finding what was changed in chains of the audit: which entry, and where one that stands elsewhere belongs."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
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
    """An entry whose MAC is not that of its place; `before` is the MAC that stands before it there.

    `after_a_gap`: that cannot be told, since what stood before it is missing.
    """

    values: tuple[Any, ...]
    mac: bytes
    before: bytes
    after_a_gap: bool = False

    def fits(self, key: bytes, chain: tuple[str, str], position: int | None, before: bytes) -> bool:
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


_CHANGED: Final = "was changed, or moved from another chain."


class ChainChecker:
    """Takes entries chain by chain, in order of position, readings last; keeps no more than what is at fault.

    `findings` grow as chains end. After the last entry: `close`, `compare_ends` if wanted, `blame_the_rest`.
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

    def close(self) -> bool:
        """End the last chain. Whether there are entries that fit nowhere in theirs: `compare_ends` may say where."""
        self._end_chain()
        self._astray = [one for one in self._astray if not self._found_in_a_gap(one)]
        return bool(self._astray)

    def compare_ends(self, ends: Iterable[tuple[str, str, int, bytes]]) -> None:
        """Look whether entries that fit nowhere in their chain were cut from the end of another.

        Of each chain: kind, id, and position and MAC of its last entry.
        """
        for kind, chain_id, position, last in ends:
            for one in self._astray:
                if one.fits(self._key, (kind, chain_id), position + 1, last):
                    self._say_moved(one, (kind, chain_id), position + 1)
                    self._astray.remove(one)
                    break

    def blame_the_rest(self) -> None:
        """Say of entries that fit nowhere at all that they were changed."""
        for one in self._astray:
            if not one.after_a_gap:
                self.findings.append(one.finding(Fault.CHANGED, _CHANGED))
        self._astray.clear()

    def _found_in_a_gap(self, one: _Failed) -> bool:
        for gap in self._gaps:
            if one.fits(self._key, gap.chain, gap.first, gap.before):
                self._say_moved(one, gap.chain, gap.first)
                return True
        return False

    def _say_moved(self, one: _Failed, chain: tuple[str, str], position: int) -> None:
        where = "/".join(chain)
        sentence = f"belongs to {where} as position {position}: it was moved to another chain."
        self.findings.append(one.finding(Fault.MOVED, sentence))

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
            # By what stood before it nothing can be said of it; perhaps it belongs where something is missing.
            self._failed.append(_Failed(values, stored, FIRST, after_a_gap=True))
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
        """Say of each entry at fault whether it belongs to another position; the rest may have come from elsewhere."""
        failed, self._failed = self._failed, []
        if not failed:
            return
        some, rest = failed[:MOST_COMPARED], failed[MOST_COMPARED:]
        told = self._placed(some)
        if not told:
            told = [(one, None) for one in some]
        for one, belongs in [*told, *((one, None) for one in rest)]:
            if belongs is not None:
                self.findings.append(one.finding(Fault.SWAPPED, f"belongs to {belongs}: it was swapped."))
            elif len(self._astray) < MOST_COMPARED**2:
                self._astray.append(one)
            elif not one.after_a_gap:
                self.findings.append(one.finding(Fault.CHANGED, _CHANGED))

    def _placed(self, failed: Sequence[_Failed]) -> list[tuple[_Failed, str | None]]:
        """The entries at fault, each with where in its chain it belongs, if anywhere.

        Left out are those that stand where they belong, and only follow one that does not.
        """
        assert self._chain is not None
        places = {one.values[_POSITION]: one.before for one in failed if not one.after_a_gap}
        places |= {gap.first: gap.before for gap in self._gaps if gap.chain == self._chain}
        macs = [one.mac for one in failed]
        tries = [(at, before) for at, held in places.items() if at for before in (held, *macs)]
        told: list[tuple[_Failed, str | None]] = []
        for one in failed:
            own = one.values[_POSITION]
            if own is not None and one.fits(self._key, self._chain, None, FIRST):
                told.append((one, "the readings of its chain"))
                continue
            belongs = next((at for at, before in tries if one.fits(self._key, self._chain, at, before)), None)
            if belongs is None or own is None or belongs != own:
                told.append((one, f"position {belongs} of its chain" if belongs else None))
        return told


def details_in(values: Sequence[Any]) -> str:
    """What an entry tells in detail."""
    details: str = values[_DETAILS]
    return details
