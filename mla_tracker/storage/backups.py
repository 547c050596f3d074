"""A backup as a folder: the copy of the database, and a signed manifest that says what it is of."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from mla_tracker.domain.audit import canonical
from mla_tracker.storage.copying import PIECE
from mla_tracker.storage.durable import UNFINISHED, created, flushed
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import Vault

FORMAT: Final = 1
COPY: Final = "database.dump"
MANIFEST: Final = "manifest.json"
_MOST_BYTES: Final = 1024 * 1024
_SIGNED: Final = b"mla-tracker backup\n"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of. `migrations`: those that had run; `checkpoint`: the last signed note of the audit, if any;
    `record_keys_at`: when the record keys were kept that belong to it or are newer."""

    id: str
    made_at: str
    program: str
    server: str
    programs: str
    migrations: tuple[str, ...]
    keys: dict[str, str]
    requests: int
    audit_entries: int
    checkpoint: str | None
    bytes: int
    sha256: str
    record_keys_at: str
    format: int = FORMAT

    @property
    def server_major(self) -> int:
        """Of which PostgreSQL it is."""
        return int(self.server.split(".")[0])

    @property
    def keys_at(self) -> datetime:
        """The instant from which on record keys fit."""
        return datetime.fromisoformat(self.record_keys_at)


def write_manifest(folder: Path, manifest: Manifest, vault: Vault) -> None:
    """Sign a manifest and put it into the folder."""
    told = _told(manifest)
    signature = vault.signing_key.sign(_SIGNED + canonical(told).encode())
    signed = {**told, "signature": base64.b64encode(signature).decode()}
    with created(folder / MANIFEST) as file:
        file.write(json.dumps(signed, indent=1).encode() + b"\n")
        flushed(file)


def read_manifest(folder: Path, vault: Vault) -> Manifest:
    """The manifest of a backup, once it was found to be as these keys signed it. Raises CannotRun."""
    path = folder / MANIFEST
    if folder.name.endswith(UNFINISHED):
        raise CannotRun(f"{folder} is what a backup left behind that was broken off. Give a whole one.")
    try:
        octets = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
    except OSError as error:
        raise CannotRun(f"{folder} is no backup: its {MANIFEST} cannot be read ({error.strerror}).") from None
    told = _object(octets)
    if told.get("format") != FORMAT:
        raise CannotRun(f"{path} is no manifest that this program knows. Was it made by a newer one?")
    if told.get("keys") != dict(vault.fingerprints()):
        raise CannotRun(
            f"The backup {folder} was made under other keys than those of MLA_KEYS_DIR. Point that to the folder of "
            "keys of the installation that made it."
        )
    signature = str(told.pop("signature", ""))
    try:
        manifest = Manifest(**{**told, "migrations": tuple(told["migrations"])})
        vault.signing_key.public_key().verify(
            base64.b64decode(signature, validate=True), _SIGNED + canonical(told).encode()
        )
    except (InvalidSignature, binascii.Error, TypeError, KeyError):
        raise CannotRun(f"{path} was changed after the backup was made. Give another backup.") from None
    return manifest


def check_copy(folder: Path, manifest: Manifest, told: Callable[[int], None]) -> Path:
    """The copy of the database, once every byte of it was found to be as it was. Raises CannotRun."""
    path, digest, seen = folder / COPY, hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                seen += len(piece)
                told(seen)
    except OSError as error:
        raise CannotRun(f"{path} cannot be read ({error.strerror}).") from None
    if (seen, digest.hexdigest()) != (manifest.bytes, manifest.sha256):
        raise CannotRun(f"{path} is not what was backed up: it was changed or cut off. Give another backup.")
    return path.absolute()


def _told(manifest: Manifest) -> dict[str, Any]:
    return {**asdict(manifest), "migrations": list(manifest.migrations)}


def _object(octets: bytes) -> dict[str, Any]:
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
