"""Checking the seals of the audit: the tree over all leaves, held against checkpoints kept here and elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from asyncpg import Record

from mla_tracker.domain.audit import instant
from mla_tracker.domain.audit_checking import Fault, Finding
from mla_tracker.domain.checkpoints import Checkpoint, NotANote
from mla_tracker.domain.merkle import Frontier, hashes_in
from mla_tracker.storage.checkpoints import checked
from mla_tracker.storage.leaf_file import NONE, LeafFile


@dataclass(frozen=True, slots=True)
class Suspect:
    """Leaves in [first, end) that are not what was sealed: of which entries, is for the database to say."""

    first: int
    end: int
    sentence: str


class TreeChecker:
    """Builds the tree from the hashes of leaves and meets each checkpoint on the way, in the order of their sizes.

    Where what is here is not what was sealed, it goes on from what was sealed, so that nothing else is blamed.
    """

    def __init__(self, leaves: LeafFile, public_key: bytes, outside: Iterable[str]) -> None:
        self.findings: list[Finding] = []
        self.suspects: list[Suspect] = []
        self.checkpoints = 0
        self._leaves = leaves
        self._key = public_key
        self._tree = Frontier()
        self._number = 0
        self._outside = sorted(self._read(outside), key=lambda found: found.size)

    def meet(self, row: Record) -> None:
        """Check the next stored checkpoint, by number."""
        self.checkpoints += 1
        number = row["number"]
        if number != self._number + 1:
            which = f"Checkpoint {number - 1} is" if number == self._number + 2 else "Checkpoints are"
            self._say(Fault.CHECKPOINT, f"{which} missing between {self._number} and {number}.")
        self._number = number
        meant = self._meant(row)
        if meant.size <= self._tree.size:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} seals {meant.size} entries, and one before it {self._tree.size} already.",
            )
            return
        self._meet_outside(meant)
        name = f"checkpoint {number} of {meant.at}"
        self._say_if_truncated(meant, name)
        here = self._between(self._tree.size, meant.size)
        grown = self._tree.with_leaves(here)
        if grown.root() != meant.root:
            grown = self._as_sealed(row, meant, here, name)
        elif b"".join(here) != row["leaves"]:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} was changed: leaves are not those of the tree.",
                "leaves",
            )
        if grown.octets() != row["frontier"]:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} was changed: its frontier is not that of the tree.",
                "frontier",
            )
        self._tree = grown

    def close(self) -> None:
        """Check what lies after the last stored checkpoint."""
        sealed, held = self._tree.size, self._leaves.size
        if held > sealed:
            self._say(
                Fault.NOT_UNDER_A_CHECKPOINT,
                f"{held - sealed} entries have leaves from {sealed} on, which no checkpoint here seals. Entries get "
                "their leaf and a checkpoint in one step: a checkpoint was removed.",
            )
        self._meet_outside(None)

    def _read(self, outside: Iterable[str]) -> Iterator[Checkpoint]:
        for place, note in enumerate(outside, start=1):
            try:
                yield checked(note, self._key)
            except NotANote as reason:
                self._say(Fault.CHECKPOINT, f"Note {place} of those kept elsewhere is not ours. {reason}")

    def _meant(self, row: Record) -> Checkpoint:
        """What a stored checkpoint seals: by its note, or by its columns where that cannot be trusted."""
        number = row["number"]
        in_columns = Checkpoint(number, row["size"], row["root"], instant(row["at"]))
        try:
            signed = checked(row["note"], self._key)
        except NotANote as reason:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} has a note that was changed or forged. {reason}",
                "note",
            )
            return in_columns
        differing = [
            name
            for name in ("number", "size", "root", "at")
            if getattr(signed, name) != getattr(in_columns, name)
        ]
        if differing:
            names = ", ".join(differing)
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} was changed: its signed note has another {names}.",
                *differing,
            )
        return signed

    def _as_sealed(self, row: Record, meant: Checkpoint, here: Sequence[bytes], name: str) -> Frontier:
        """The tree as it was sealed, after saying in which leaves the one here differs."""
        first, end = self._tree.size, meant.size
        try:
            sealed = hashes_in(row["leaves"])
            grown = self._tree.with_leaves(sealed)
            if grown.size == end and grown.root() == meant.root:
                self._say_differing(first, here, sealed, name)
                return grown
        except ValueError:
            pass
        sentence = (
            f"Of the entries with leaves from {first} to {end - 1} at least one is not what the {name} sealed"
        )
        self.suspects.append(Suspect(first, end, sentence))
        try:
            kept = Frontier.from_octets(end, row["frontier"])
        except ValueError:
            return self._tree.with_leaves(here)
        return kept if kept.root() == meant.root else self._tree.with_leaves(here)

    def _say_differing(self, first: int, here: Sequence[bytes], sealed: Sequence[bytes], name: str) -> None:
        for leaf, (found, meant) in enumerate(zip(here, sealed, strict=True), start=first):
            if found == NONE:
                self._say(Fault.MISSING, f"The entry with leaf {leaf} is missing, which the {name} sealed.")
            elif found != meant:
                sentence = f"The entry with leaf {leaf} is not the one that the {name} sealed"
                self.suspects.append(Suspect(leaf, leaf + 1, sentence))

    def _meet_outside(self, stored: Checkpoint | None) -> None:
        """Check the checkpoints kept elsewhere up to a stored one, or all that are left."""
        while self._outside and (stored is None or self._outside[0].size <= stored.size):
            found = self._outside.pop(0)
            name = f"checkpoint {found.number} of {found.at}, kept elsewhere,"
            if stored is not None and found.size == stored.size:
                if found.root != stored.root:
                    self._say(
                        Fault.CHECKPOINT,
                        f"Checkpoint {stored.number} here is not the {name} that seals as many entries.",
                    )
                continue
            self._say_if_truncated(found, name)
            if found.size <= self._leaves.size:
                first = self._tree.size
                if self._tree.with_leaves(self._between(first, found.size)).root() != found.root:
                    sentence = f"Of the entries up to leaf {found.size - 1} at least one is not what the {name} sealed"
                    self.suspects.append(Suspect(min(first, found.size - 1), found.size, sentence))

    def _say_if_truncated(self, meant: Checkpoint, name: str) -> None:
        if meant.size > self._leaves.size:
            self._say(
                Fault.TRUNCATED,
                f"The {name} seals {meant.size} entries and {self._leaves.size} are here: "
                f"{meant.size - self._leaves.size} entries were cut off or removed.",
            )

    def _between(self, first: int, end: int) -> list[bytes]:
        """The hashes of the leaves in [first, end), of nothing where there is no entry."""
        here = list(chain.from_iterable(self._leaves.between(first, end)))
        return here + [NONE] * (end - first - len(here))

    def _say(self, fault: Fault, sentence: str, *columns: str) -> None:
        self.findings.append(Finding(fault, sentence, columns=columns))
