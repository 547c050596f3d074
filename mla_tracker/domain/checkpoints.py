"""Checkpoints as they go to other places: C2SP signed notes (c2sp.org/signed-note, tlog-checkpoint), told and read.

A note is the text, an empty line, and a line for each signature; other programs for transparency logs read it too.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ED25519: Final = b"\x01"
_SIGNATURE: Final = "— "
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree as it stood: its number among the checkpoints (from 1), how many leaves, the root, and when.

    `at` is an instant as entries tell it.
    """

    number: int
    size: int
    root: bytes
    at: str


@dataclass(frozen=True, slots=True)
class Note:
    """A text with the signatures under it: who, the first 4 bytes of a hash of whose key, and the signature."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


class NotANote(Exception):
    """What is no signed note, or no checkpoint; says why."""


def origin_of(public_key: bytes) -> str:
    """The name of an installation's log and of its key, by which its checkpoints are told from all others."""
    return f"mla-tracker-audit/{hashlib.sha256(public_key).hexdigest()[:16]}"


def checkpoint_text(origin: str, checkpoint: Checkpoint) -> str:
    """The text that is signed."""
    root = base64.b64encode(checkpoint.root).decode()
    return f"{origin}\n{checkpoint.size}\n{root}\nnumber {checkpoint.number}\ntime {checkpoint.at}\n"


def key_hash(name: str, public_key: bytes) -> bytes:
    """By which a signature says whose it is."""
    return hashlib.sha256(f"{name}\n".encode() + _ED25519 + public_key).digest()[:4]


def signed_note(text: str, name: str, public_key: bytes, signature: bytes) -> str:
    """The note of a text and an Ed25519 signature of its bytes."""
    signed = base64.b64encode(key_hash(name, public_key) + signature).decode()
    return f"{text}\n{_SIGNATURE}{name} {signed}\n"


def read_note(note: str) -> Note:
    """A note taken apart; nothing is checked of its signatures. Raises NotANote."""
    text, parted, below = note.rpartition("\n\n")
    if not parted or not text or not below.endswith("\n"):
        raise NotANote("It is no signed note: a text, an empty line, and signatures are wanted.")
    signatures = []
    for line in below[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_SIGNATURE).partition(" ")
        try:
            signed = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            signed = b""
        if not line.startswith(_SIGNATURE) or not name or len(signed) <= 4:
            raise NotANote("It is no signed note: a line below the empty one is no signature.")
        signatures.append((name, signed[:4], signed[4:]))
    return Note(f"{text}\n", tuple(signatures))


def read_checkpoint(text: str) -> tuple[str, Checkpoint]:
    """The origin and the checkpoint that a text tells. Raises NotANote unless it is word for word as we tell it."""
    lines = text.split("\n")
    try:
        origin, size, root, number, time = lines[:5]
        found = Checkpoint(
            int(number.removeprefix("number ")),
            int(size),
            base64.b64decode(root, validate=True),
            time.removeprefix("time "),
        )
    except (ValueError, binascii.Error):
        raise NotANote("It is no checkpoint: origin, size, root, number and time are wanted.") from None
    if len(found.root) != _HASH_BYTES or checkpoint_text(origin, found) != text:
        raise NotANote("It is no checkpoint of mla-tracker.")
    return origin, found


def notes_in(content: str) -> Iterator[str]:
    """The notes of a file to which they were appended, each with an empty line after it."""
    text: list[str] = []
    signed = False
    for line in [*content.split("\n"), ""]:
        if line.startswith(_SIGNATURE):
            signed = True
        if not line and signed:
            yield "\n".join(text) + "\n"
            text, signed = [], False
        elif line or text:
            text.append(line)
    if any(text):
        yield "\n".join(text)
