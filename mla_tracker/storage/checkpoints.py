"""Leaves and checkpoints of the audit as rows, and the signatures under checkpoints."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mla_tracker.domain.audit import COLUMNS, entry_bytes, instant
from mla_tracker.domain.checkpoints import (
    Checkpoint,
    NotANote,
    checkpoint_text,
    key_hash,
    origin_of,
    read_checkpoint,
    read_note,
    signed_note,
)
from mla_tracker.domain.merkle import Frontier, leaf_hash
from mla_tracker.storage.audit import PLAIN_COLUMNS
from mla_tracker.storage.database import Tx
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import KEY_BYTES, Vault

_SEALING: Final = 0x6D6C617365616C  # any number that only we use: "mlaseal"


@dataclass(frozen=True, slots=True)
class Unsealed:
    """An entry without a leaf: its id, and the hash that its leaf will have."""

    id: UUID
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint as it goes to other places."""

    number: int
    note: str


async def lock_sealing(tx: Tx) -> None:
    """Hold sealing against other nodes until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock($1)", _SEALING)


async def unsealed(tx: Tx, limit: int) -> list[Unsealed]:
    """The oldest entries that have no leaf."""
    rows = await tx.fetch(
        f"select {PLAIN_COLUMNS}, mac from audit_entry where leaf is null order by audit_entry.id limit $1",
        limit,
    )
    width = len(COLUMNS)
    return [Unsealed(UUID(row["id"]), leaf_hash(entry_bytes(row[:width]) + row["mac"])) for row in rows]


async def number_leaves(tx: Tx, entries: Sequence[Unsealed], first: int) -> None:
    """Give entries their leaves, in this order."""
    await tx.execute(
        """
        update audit_entry set leaf = given.leaf
        from unnest($1::uuid[], $2::bigint[]) as given(id, leaf) where audit_entry.id = given.id
        """,
        [entry.id for entry in entries],
        list(range(first, first + len(entries))),
    )


async def last_frontier(tx: Tx) -> tuple[int, Frontier]:
    """The number of the last checkpoint and the edge of the tree as it stood then; 0 and an empty tree before any."""
    row = await tx.fetchrow(
        "select number, size, frontier from audit_checkpoint order by number desc limit 1"
    )
    return (row["number"], Frontier.from_octets(row["size"], row["frontier"])) if row else (0, Frontier())


async def insert_checkpoint(
    tx: Tx, number: int, tree: Frontier, leaves: Sequence[bytes], now: datetime
) -> None:
    """Sign the tree as it stands and store it as a checkpoint; `leaves` are the hashes that were added last."""
    checkpoint = Checkpoint(number, tree.size, tree.root(), instant(now))
    await tx.execute(
        """
        insert into audit_checkpoint (number, size, root, frontier, leaves, at, note)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        number, tree.size, checkpoint.root, tree.octets(), b"".join(leaves), now, signed(tx.vault, checkpoint),
    )  # fmt: skip


async def unpublished(tx: Tx, target: str) -> Published | None:
    """The last checkpoint, if it has not been published there."""
    row = await tx.fetchrow(
        """
        select number, note from audit_checkpoint
        where number > coalesce((select number from audit_publication where target = $1), 0)
        order by number desc limit 1
        """,
        target,
    )
    return Published(row["number"], row["note"]) if row else None


async def note_published(tx: Tx, target: str, number: int, now: datetime) -> None:
    """Note which checkpoint was last published where."""
    await tx.execute(
        """
        insert into audit_publication as held (target, number, published_at) values ($1, $2, $3)
        on conflict (target) do update set number = $2, published_at = $3 where held.number < $2
        """,
        target, number, now,
    )  # fmt: skip


def signed(vault: Vault, checkpoint: Checkpoint) -> str:
    """The signed note of a checkpoint."""
    public = vault.signing_key.public_key().public_bytes_raw()
    origin = origin_of(public)
    text = checkpoint_text(origin, checkpoint)
    return signed_note(text, origin, public, vault.signing_key.sign(text.encode()))


def public_key_of(text: str) -> bytes:
    """The octets of a public key given in base64. Raises CannotRun."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise CannotRun(
            "That is no public key. Give what `mla-tracker audit key` prints: 44 characters of base64."
        )
    return key


def checked(note: str, public_key: bytes) -> Checkpoint:
    """The checkpoint of a note that this key has signed. Raises NotANote saying what is wrong."""
    read = read_note(note)
    origin, checkpoint = read_checkpoint(read.text)
    name = origin_of(public_key)
    wanted = (name, key_hash(name, public_key))
    ours = [signature for signer, known, signature in read.signatures if (signer, known) == wanted]
    if origin != name or not ours:
        raise NotANote(f"It is signed by the key of {origin}, not by that of {name}.")
    for signature in ours:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, read.text.encode())
        except InvalidSignature:
            raise NotANote("Its signature is not of this text.") from None
    return checkpoint
