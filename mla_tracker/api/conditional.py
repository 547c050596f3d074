"""Headers that make a call conditional: the version of a record as ETag and in If-Match, and Idempotency-Key."""

import re
from typing import Final

from mla_tracker.api.problems import INVALID_HEADER, PRECONDITION_REQUIRED, Problem

IF_MATCH_PATTERN: Final = r'^(\*|(W/)?"[\x21\x23-\x7e]{0,64}"(, ?(W/)?"[\x21\x23-\x7e]{0,64}"){0,9})$'
IDEMPOTENCY_KEY_PATTERN: Final = r"^[\x21-\x7e]{1,200}$"
_KEY: Final = re.compile(IDEMPOTENCY_KEY_PATTERN.rstrip("$") + r"\Z")
_CONDITION: Final = re.compile(IF_MATCH_PATTERN.rstrip("$") + r"\Z")
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}\Z")


def etag(version: int) -> str:
    """The strong entity tag of a record's version."""
    return f'"{version}"'


def expected_versions(if_match: str | None) -> frozenset[int] | None:
    """The versions that a change may be based on; None for `*`, which takes any.

    A weak tag and a tag that we never gave out match nothing (RFC 9110, 13.1.1: strong comparison), so the
    change is found stale. Raises the 428 problem without the header, the 400 problem if it cannot be read.
    """
    if if_match is None:
        raise Problem(
            PRECONDITION_REQUIRED,
            "Send If-Match with the ETag of the version that the change is based on.",
            errors=[("/If-Match", "Required. Send the ETag of the answer that you read last.")],
        )
    condition = if_match.strip()
    if not _CONDITION.match(condition):
        sentence = 'If-Match is not an entity tag. Send the ETag as you got it, e.g. If-Match: "3".'
        raise Problem(INVALID_HEADER, sentence, errors=[("/If-Match", sentence)])
    if condition == "*":
        return None
    return frozenset(int(tag) for weak, tag in _TAG.findall(condition) if not weak and _VERSION.match(tag))


def idempotency_key(header: str | None) -> str | None:
    """The caller's key for a write, if it sent one. Raises the 400 problem for one that cannot be kept."""
    if header is None or _KEY.match(header):
        return header
    sentence = "Give 1 to 200 visible ASCII characters, e.g. a UUID."
    raise Problem(
        INVALID_HEADER, f"Idempotency-Key is not valid. {sentence}", errors=[("/Idempotency-Key", sentence)]
    )


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether the reader holds this representation already, by weak comparison (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    wanted = tag.removeprefix("W/").strip('"')
    return any(held == wanted for _, held in _TAG.findall(if_none_match))
