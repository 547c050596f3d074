"""The identity provider (OpenID Connect): its keys, fetched and kept, and what its access tokens say.

One issuer, one audience, one algorithm, all of them settings: nothing in a token chooses how it is checked.
"""

import asyncio
import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from mla_tracker.domain.vocabulary import Scope
from mla_tracker.outbound.fetching import FetchFailed, fetch_json, is_safe

SKEW: Final = timedelta(seconds=60)
"""How far the clocks of the provider and ours may differ."""
KEYS_ARE_FRESH: Final = timedelta(minutes=15)
KEYS_ARE_KEPT: Final = timedelta(hours=24)
"""How long keys serve while the provider does not answer."""
ASKED_AT_MOST_EVERY: Final = timedelta(seconds=30)
LONGEST_TOKEN: Final = 8192
MOST_KEYS: Final = 50
SMALLEST_RSA_BITS: Final = 2048
DISCOVERY: Final = "/.well-known/openid-configuration"

_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")
_SCOPES: Final[Mapping[str, Scope]] = {f"mla:{scope.value}": scope for scope in Scope}

log = structlog.get_logger(__name__)

Key = RSAKey | ECKey


class TokenRefused(Exception):
    """The token is not one of the issuer, not for us, or not valid now."""


class ProviderUnavailable(Exception):
    """Whether the token is valid cannot be told: the provider's keys cannot be had."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: who, what for, until when."""

    subject: str
    scopes: frozenset[Scope]
    expires_at: datetime


class IdentityProvider:
    """One issuer as one process knows it. It holds keys and nothing that could not be fetched again."""

    def __init__(self, issuer: str, audience: str, algorithm: str) -> None:
        self.issuer = issuer
        self._audience = audience
        self._algorithm = algorithm
        self._registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        self._keys: Mapping[str | None, Key] = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._answered = False
        self._asking = asyncio.Lock()

    async def claims_of(self, token: str, now: datetime) -> Claims:
        """What a token says, once its signature and its claims hold at `now`.

        Raises TokenRefused, ProviderUnavailable.
        """
        key = await self._key(self._key_id(token), now)
        try:
            claims = jwt.decode(token, key, registry=self._registry).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise TokenRefused(f"The signature does not hold ({type(error).__name__}).") from error
        return _checked(claims, self.issuer, self._audience, now)

    def _key_id(self, token: str) -> str | None:
        """The name of the key that signed it, once its header is of the one kind that is taken."""
        if len(token) > LONGEST_TOKEN:
            raise TokenRefused("The token is too long.")
        header_part = token.partition(".")[0]
        try:
            padded = header_part + "=" * (-len(header_part) % 4)
            header = json.loads(base64.urlsafe_b64decode(padded))
        except (ValueError, RecursionError) as error:
            raise TokenRefused("The token has no header.") from error
        if not isinstance(header, dict) or header.get("alg") != self._algorithm:
            raise TokenRefused("The token is signed by another algorithm.")
        kind, key_id = header.get("typ", "JWT"), header.get("kid")
        # Other kinds (logout tokens, proofs of possession) are signed by the same keys and mean something else.
        if not isinstance(kind, str) or kind.lower() not in _TYPES or "crit" in header:
            raise TokenRefused("The token is of another kind.")
        if key_id is not None and not isinstance(key_id, str):
            raise TokenRefused("The name of the key is no text.")
        return key_id

    async def _key(self, key_id: str | None, now: datetime) -> Key:
        """A key by its name; the provider is asked when keys are old or the name is new, and not too often.

        Raises TokenRefused for a name that the provider does not know, ProviderUnavailable if that cannot be told.
        """
        held = self._keys.get(key_id)
        # While one caller waits for newer keys, the others go on with those that are held.
        if not (held and (self._is_fresh(now) or self._asking.locked())):
            async with self._asking:
                if self._may_ask(now) and not (key_id in self._keys and self._is_fresh(now)):
                    await self._ask(now)
            held = self._keys.get(key_id)
        if held is not None and self._fetched_at is not None and now - self._fetched_at < KEYS_ARE_KEPT:
            return held
        if self._answered:
            raise TokenRefused("The provider knows no such key.")
        raise ProviderUnavailable

    def _is_fresh(self, now: datetime) -> bool:
        return self._fetched_at is not None and now - self._fetched_at < KEYS_ARE_FRESH

    def _may_ask(self, now: datetime) -> bool:
        return self._asked_at is None or now - self._asked_at >= ASKED_AT_MOST_EVERY

    async def _ask(self, now: datetime) -> None:
        """Fetch the keys anew; where that fails, those that are held stay, and the failure is logged."""
        self._asked_at = now
        try:
            document = await fetch_json(self.issuer.rstrip("/") + DISCOVERY)
            if document.get("issuer") != self.issuer:
                raise FetchFailed(f"What {self.issuer} publishes names another issuer.")
            where = document.get("jwks_uri")
            if not isinstance(where, str) or not is_safe(where):
                raise FetchFailed(f"What {self.issuer} publishes names no https address of its keys.")
            keys = _keys_of(await fetch_json(where), self._algorithm)
            if not keys:
                raise FetchFailed(f"{where} holds no key for {self._algorithm}.")
        except FetchFailed as error:
            self._answered = False
            log.warning("identity provider not available", fault=str(error))
            return
        self._keys, self._fetched_at, self._answered = keys, now, True


def _keys_of(document: Mapping[str, Any], algorithm: str) -> dict[str | None, Key]:
    """The keys that may sign by the algorithm, by name; a single one also without. What is of no use is left out."""
    listed = document.get("keys")
    keys: dict[str | None, Key] = {}
    for data in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        if isinstance(data, dict) and (key := _key_of(data, algorithm)) is not None:
            keys.setdefault(data.get("kid"), key)
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    return keys


def _key_of(data: Mapping[str, Any], algorithm: str) -> Key | None:
    kind, of = (ECKey, "EC") if algorithm.startswith("ES") else (RSAKey, "RSA")
    fits = (
        data.get("kty") == of and data.get("use", "sig") == "sig" and data.get("alg", algorithm) == algorithm
    )
    if not fits or "d" in data or not isinstance(data.get("kid"), str | None):
        return None
    try:
        key = kind.import_key(dict(data))
        public = key.public_key
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if isinstance(public, RSAPublicKey) and public.key_size < SMALLEST_RSA_BITS else key


def _checked(claims: Mapping[str, Any], issuer: str, audience: str, now: datetime) -> Claims:
    """The claims, once they are about us and about now (RFC 9068, 4; RFC 7519, 4.1)."""
    at, skew = now.timestamp(), SKEW.total_seconds()
    meant_for = claims.get("aud")
    audiences = meant_for if isinstance(meant_for, list) else [meant_for]
    subject = claims.get("sub")
    if claims.get("iss") != issuer or audience not in audiences:
        raise TokenRefused("The token is of another issuer or for another audience.")
    if not isinstance(subject, str) or not _SUBJECT.match(subject):
        raise TokenRefused("The token names nobody.")
    ends, made = _instant(claims, "exp"), _instant(claims, "iat")
    begins = _instant(claims, "nbf") if "nbf" in claims else made
    if ends + skew <= at or made - skew > at or begins - skew > at:
        raise TokenRefused("The token is not valid now.")
    try:
        expires_at = datetime.fromtimestamp(ends, tz=now.tzinfo)
    except (OverflowError, ValueError, OSError) as error:
        raise TokenRefused("The token never ends.") from error
    return Claims(subject, _scopes_of(claims.get("scope")), expires_at)


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f"The token has no {name}.")
    try:
        seconds = float(value)
    except OverflowError as error:
        raise TokenRefused(f"The token has no {name}.") from error
    if not math.isfinite(seconds):
        raise TokenRefused(f"The token has no {name}.")
    return seconds


def _scopes_of(scope: object) -> frozenset[Scope]:
    """Those of ours that a token carries; one that carries none may read."""
    named = scope.split() if isinstance(scope, str) else scope if isinstance(scope, list) else []
    found = frozenset(_SCOPES[name] for name in named if isinstance(name, str) and name in _SCOPES)
    return found or frozenset({Scope.READ})
