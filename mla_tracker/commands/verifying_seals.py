"""Checking the seals of the audit: the tree over all leaves, held against checkpoints kept here and elsewhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from asyncpg import Record

from mla_tracker.domain.audit import instant
from mla_tracker.domain.audit_checking import Fault, Finding
from mla_tracker.domain.checkpoints import Checkpoint, NotANote
from mla_tracker.domain.merkle import Frontier
from mla_tracker.storage.checkpoints import checked
from mla_tracker.storage.leaf_file import NONE, LeafFile


@dataclass(frozen=True, slots=True)
class Suspect:
    """Leaves in [first, end) that are not what was sealed: of which entries, is for the database to say."""

    first: int
    end: int
    sentence: str


class TreeChecker:
    """Builds the tree from the hashes of leaves and meets each checkpoint on the way, in the order of their sizes."""

    def __init__(self, leaves: LeafFile, public_key: bytes, outside: Iterable[str]) -> None:
        self.findings: list[Finding] = []
        self.suspects: list[Suspect] = []
        self.checkpoints = 0
        self._leaves = leaves
        self._held = leaves.size
        self._key = public_key
        self._tree = Frontier()
        self._number = 0
        self._sealed = 0
        self._right = 0
        self._outside = sorted(self._read(outside), key=lambda found: found.size)

    def meet(self, row: Record) -> None:
        """Check the next stored checkpoint, by number."""
        self.checkpoints += 1
        number = row["number"]
        for missing in range(self._number + 1, min(number, self._number + 100)):
            self._say(Fault.CHECKPOINT, f"Checkpoint {missing} is missing.")
        self._number = number
        in_columns = Checkpoint(number, row["size"], row["root"], instant(row["at"]))
        try:
            signed = checked(row["note"], self._key)
        except NotANote as reason:
            self._say(
                Fault.CHECKPOINT, f"Checkpoint {number} has a note that was changed or forged. {reason}"
            )
            signed = in_columns
        differing = [
            name
            for name in ("number", "size", "root", "at")
            if getattr(signed, name) != getattr(in_columns, name)
        ]
        if differing:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} was changed: {', '.join(differing)} differ(s) from its signed note.",
                *differing,
            )
        if signed.size <= self._sealed:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} seals {signed.size} entries, and one before it {self._sealed} already.",
            )
            return
        self._meet_outside(signed.size - 1)
        if not self._reach(signed, f"checkpoint {number} of {signed.at}"):
            self._resume(row["frontier"], signed)
        elif self._tree.octets() != row["frontier"]:
            self._say(
                Fault.CHECKPOINT,
                f"Checkpoint {number} was changed: its frontier is not that of the tree.",
                "frontier",
            )
        self._sealed = self._right = signed.size
        self._meet_outside(signed.size)

    def close(self) -> None:
        """Check what lies after the last stored checkpoint."""
        if self._held > self._sealed:
            self._say(
                Fault.NOT_UNDER_A_CHECKPOINT,
                f"{self._held - self._sealed} entries have leaves from {self._sealed} on, which no checkpoint here "
                "seals. Entries get their leaf and a checkpoint in one step: a checkpoint was removed.",
            )
            self._advance(self._held)
        self._meet_outside(None)

    def _read(self, outside: Iterable[str]) -> Iterator[Checkpoint]:
        for place, note in enumerate(outside, start=1):
            try:
                yield checked(note, self._key)
            except NotANote as reason:
                self._say(Fault.CHECKPOINT, f"Note {place} of those kept elsewhere is not ours. {reason}")

    def _meet_outside(self, size: int | None) -> None:
        """Check the checkpoints kept elsewhere up to a size."""
        while self._outside and (size is None or self._outside[0].size <= size):
            found = self._outside.pop(0)
            name = f"checkpoint {found.number} of {found.at}, kept elsewhere,"
            if found.size >= self._tree.size:
                self._reach(found, name)

    def _reach(self, meant: Checkpoint, name: str) -> bool:
        """Build the tree up to a checkpoint; whether it is what was sealed."""
        if meant.size > self._held:
            self._say(
                Fault.TRUNCATED,
                f"The {name} seals {meant.size} entries and {self._held} are here: {meant.size - self._held} entries "
                "were cut off or removed.",
            )
        self._advance(meant.size)
        if self._tree.size == meant.size and self._tree.root() == meant.root:
            return True
        if self._tree.size == meant.size:
            sentence = (
                f"Of the entries with leaves from {self._right} to {meant.size - 1} at least one is not what the "
                f"{name} sealed"
            )
            self.suspects.append(Suspect(self._right, meant.size, sentence))
        return False

    def _resume(self, frontier: bytes, signed: Checkpoint) -> None:
        """Go on from what was sealed, so that what comes after is not blamed as well."""
        try:
            tree = Frontier.from_octets(signed.size, frontier)
        except ValueError:
            return
        if tree.root() == signed.root:
            self._tree = tree

    def _advance(self, size: int) -> None:
        at = self._tree.size
        for hashes in self._leaves.between(at, size):
            if NONE in hashes:
                for place, found in enumerate(hashes, start=at):
                    if found == NONE:
                        self._say(Fault.MISSING, f"The entry with leaf {place} is missing.")
            self._tree.extend(hashes)
            at += len(hashes)

    def _say(self, fault: Fault, sentence: str, *columns: str) -> None:
        self.findings.append(Finding(fault, sentence, columns=columns))
