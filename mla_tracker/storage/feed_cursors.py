"""Where a reader of the feed stands, as a word that tells nothing: neither how much others did nor whether anything."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from mla_tracker.storage.vault import Vault

LENGTH: Final = 43
_NUMBER: Final = 8


def sealed(vault: Vault, position: int, now: datetime) -> str:
    """The word for a position, told at `now`: at another instant the same position has another word."""
    said_at = int(now.timestamp() * 1_000_000)
    content = position.to_bytes(_NUMBER) + said_at.to_bytes(_NUMBER)
    return base64.urlsafe_b64encode(_cipher(vault).encrypt(content, None)).decode().rstrip("=")


def opened(vault: Vault, word: str) -> tuple[int, datetime]:
    """The position, and when the word was told. Raises ValueError for what is no word of this installation."""
    try:
        sealed = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        content = _cipher(vault).decrypt(sealed, None)
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise ValueError("Not a cursor of the feed.") from error
    said_at = int.from_bytes(content[_NUMBER:])
    return int.from_bytes(content[:_NUMBER]), datetime.fromtimestamp(said_at / 1_000_000, UTC)


def _cipher(vault: Vault) -> AESSIV:
    return AESSIV(vault.key_for("cursors of the feed"))
