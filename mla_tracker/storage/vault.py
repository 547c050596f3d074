"""The keys that stand outside the database, and what is done with them: texts sealed, sealed texts opened, bound.

Three keys: one wraps the key of each record (so a record is forgotten by destroying its key), one makes the MAC of
audit entries, one signs checkpoints. A copy of the database without them gives neither texts nor a forged history.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mla_tracker.storage.errors import CannotRun

TEXT_KEY: Final = "text"
AUDIT_KEY: Final = "audit"
CHECKPOINT_KEY: Final = "checkpoint"
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True, repr=False)
class Vault:
    """The keys of one installation; every node has the same."""

    text_key: bytes
    audit_key: bytes
    signing_key: Ed25519PrivateKey

    @classmethod
    def made(cls) -> Self:
        """Fresh random keys."""
        return cls(
            secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES), Ed25519PrivateKey.generate()
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The keys of a folder: text.key, audit.key, checkpoint.key, each one line of base64. Raises CannotRun."""
        return cls(
            _read(folder / f"{TEXT_KEY}.key"),
            _read(folder / f"{AUDIT_KEY}.key"),
            Ed25519PrivateKey.from_private_bytes(_read(folder / f"{CHECKPOINT_KEY}.key")),
        )

    def write(self, folder: Path) -> None:
        """Write the keys into a folder for this user alone. Raises CannotRun rather than replace a key."""
        keys = {
            TEXT_KEY: self.text_key,
            AUDIT_KEY: self.audit_key,
            CHECKPOINT_KEY: self.signing_key.private_bytes_raw(),
        }
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, key in keys.items():
                _write(folder / f"{name}.key", key)
        except FileExistsError as error:
            raise CannotRun(f"There is a key {error.filename} already. It was not replaced.") from None
        except OSError as error:
            raise CannotRun(f"The keys could not be written to {folder} ({error.strerror}).") from error

    def fingerprints(self) -> Mapping[str, str]:
        """By which a key is known without telling it: of the signing key the public half, of the others a hash."""
        return {
            TEXT_KEY: _fingerprint(self.text_key),
            AUDIT_KEY: _fingerprint(self.audit_key),
            CHECKPOINT_KEY: self.public_key,
        }

    @property
    def public_key(self) -> str:
        """The public half of the key that signs checkpoints, in base64."""
        return base64.b64encode(self.signing_key.public_key().public_bytes_raw()).decode()

    def key_for(self, purpose: str) -> bytes:
        """A key for one purpose besides texts, 64 bytes: who finds it out knows none of the others."""
        return hmac.digest(self.text_key, b"mla-tracker key for " + purpose.encode(), "sha512")

    def new_record_key(self, record_id: UUID) -> tuple[bytes, bytes]:
        """A key for the texts of one record, and the form of it that is stored."""
        key = secrets.token_bytes(KEY_BYTES)
        return key, _sealed(self.text_key, key, record_id.bytes)

    def record_key(self, record_id: UUID, wrapped: bytes) -> bytes:
        """The key of a record from its stored form. Raises SealBroken where that belongs to another record or key."""
        return _opened(self.text_key, wrapped, record_id.bytes)


class SealBroken(Exception):
    """A sealed text or key that is not what was sealed: changed, moved to another place, or under another key."""


def seal_octets(record_key: bytes, content: bytes, place: UUID) -> bytes:
    """Bytes under the key of their record, bound to the row (`place`) that holds them."""
    return _sealed(record_key, content, place.bytes)


def unseal_octets(record_key: bytes, sealed: bytes, place: UUID) -> bytes:
    """The bytes that were sealed for this place. Raises SealBroken."""
    return _opened(record_key, sealed, place.bytes)


def seal(record_key: bytes, text: str, place: UUID) -> bytes:
    """A text under the key of its record, bound to the row (`place`) that holds it."""
    return _sealed(record_key, text.encode(), place.bytes)


def unseal(record_key: bytes, sealed: bytes, place: UUID) -> str:
    """The text that was sealed for this place. Raises SealBroken."""
    return _opened(record_key, sealed, place.bytes).decode()


def new_salt() -> bytes:
    """The secret of one commitment; with it destroyed, the commitment tells nothing of what was committed to."""
    return secrets.token_bytes(KEY_BYTES)


def commitment(salt: bytes, place: UUID, text: str) -> bytes:
    """What binds the history to a text without holding it: a SHA-256 over secret, place and text."""
    return hashlib.sha256(b"mla-tracker text\0" + salt + place.bytes + text.encode()).digest()


def _sealed(key: bytes, content: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, bound_to)


def _opened(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        raise SealBroken("A sealed text is not what was sealed for its place.") from None


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"mla-tracker fingerprint\0" + key).hexdigest()[:16]


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except FileNotFoundError:
        raise CannotRun(
            f"There is no key {path}. Copy the folder of keys from where this database was set up, or point "
            "MLA_KEYS_DIR to it; without them neither texts nor the audit can be read."
        ) from None
    except (OSError, ValueError, binascii.Error) as error:
        raise CannotRun(f"The key {path} cannot be read ({error}).") from None
    if len(key) != KEY_BYTES:
        raise CannotRun(f"The key {path} holds {len(key)} bytes and not {KEY_BYTES}, in base64.")
    return key


def _write(path: Path, key: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
