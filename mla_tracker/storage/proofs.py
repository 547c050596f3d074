"""Proofs that an entry is under a signed checkpoint: made from the database, checked without it."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.audit import COLUMNS, entry_bytes
from mla_tracker.domain.checkpoints import Checkpoint, NotANote
from mla_tracker.domain.merkle import Frontier, hashes_in, included, inclusion_path, leaf_hash
from mla_tracker.storage.audit import PLAIN_COLUMNS
from mla_tracker.storage.checkpoints import checked
from mla_tracker.storage.database import Tx

FORMAT: Final = "mla-tracker audit proof 1"
Proof = Mapping[str, Any]
"""`format`, `entry` (its columns as they are bound), `mac`, `leaf`, `path` and `checkpoint` (a signed note)."""


class NotProven(Exception):
    """What is no proof, or proves nothing; says why."""


async def proof_of(tx: Tx, entry_id: UUID) -> Proof | None:
    """The proof of an entry under the first checkpoint that seals it; None if none does yet, or there is no entry."""
    row = await tx.fetchrow(f"select {PLAIN_COLUMNS}, mac, leaf from audit_entry where id = $1", entry_id)
    if row is None or row["leaf"] is None:
        return None
    sealed = await tx.fetchrow(
        "select number, note, leaves from audit_checkpoint where size > $1 order by size limit 1", row["leaf"]
    )
    if sealed is None:
        return None
    kept = await tx.fetchrow(
        "select size, frontier from audit_checkpoint where number = $1", sealed["number"] - 1
    )
    before = Frontier.from_octets(kept["size"], kept["frontier"]) if kept is not None else None
    path = inclusion_path(hashes_in(sealed["leaves"]), row["leaf"], before)
    return {
        "format": FORMAT,
        "entry": {name: row[name] for name in COLUMNS},
        "mac": row["mac"].hex(),
        "leaf": row["leaf"],
        "path": [base64.b64encode(one).decode() for one in path],
        "checkpoint": sealed["note"],
    }


def check_proof(proof: object, public_key: bytes) -> tuple[Checkpoint, Mapping[str, Any]]:
    """The checkpoint that seals the entry of a proof, and the entry. Raises NotProven."""
    try:
        if not isinstance(proof, Mapping) or proof["format"] != FORMAT:
            raise NotProven("That is no proof of an entry.")
        entry, leaf = proof["entry"], proof["leaf"]
        content = entry_bytes([entry[name] for name in COLUMNS]) + bytes.fromhex(proof["mac"])
        path = [base64.b64decode(one, validate=True) for one in proof["path"]]
        note = proof["checkpoint"]
        whole = set(entry) == set(COLUMNS) and type(leaf) is int and isinstance(note, str)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise NotProven("That is no whole proof of an entry.") from None
    if not whole:
        raise NotProven("That is no whole proof of an entry.")
    try:
        checkpoint = checked(note, public_key)
    except NotANote as reason:
        raise NotProven(f"The checkpoint is not to be trusted. {reason}") from None
    if not included(leaf_hash(content), leaf, checkpoint.size, path, checkpoint.root):
        raise NotProven(f"The entry is not what checkpoint {checkpoint.number} sealed as leaf {leaf}.")
    return checkpoint, entry
