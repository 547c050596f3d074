"""An identity provider to test with: the real one in tests/oidc, its keys, and tokens that its keys sign."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

FOLDER: Final = Path(__file__).parents[1] / "oidc"
AUDIENCE: Final = "mla-tracker"
ALL_SCOPES: Final = "mla:read mla:write mla:manage"
SECONDS: Final = 60


def a_key(name: str) -> RSAKey:
    """A private key that signs by RS256."""
    return RSAKey.generate_key(2048, {"kid": name, "alg": "RS256", "use": "sig"})


def signed(
    key: RSAKey, issuer: str, now: datetime, *, header: Mapping[str, Any] | None = None, **claims: Any
) -> str:
    """A token as the provider makes them, but for what is given; a claim that is None is left out."""
    all_claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "officer-of-rabat",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=10)).timestamp()),
        "scope": ALL_SCOPES,
        **claims,
    }
    return jwt.encode(
        {"alg": "RS256", "typ": "at+jwt", "kid": key.kid, **(header or {})},
        {name: value for name, value in all_claims.items() if value is not None},
        key,
    )


def node_or_skip() -> str:
    """Where `node` is. Skips the test where it or its modules are not there; in CI that is a failure."""
    node = shutil.which("node")
    if node is not None and (FOLDER / "node_modules" / "oidc-provider").is_dir():
        return node
    lacking = "The identity provider needs node and, in tests/oidc, npm ci."
    if "CI" in os.environ:
        pytest.fail(lacking)
    pytest.skip(lacking)


class Provider:
    """The npm package oidc-provider in a process of its own, on loopback; it can be started again with other keys."""

    def __init__(self, node: str, folder: Path) -> None:
        self._node = node
        self._keys_file = folder / "keys.json"
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self, *keys: RSAKey) -> None:
        """Start it; the first of the keys signs."""
        self.stop()
        self._keys_file.write_text(json.dumps({"keys": [key.as_dict(private=True) for key in keys]}))
        self._process = subprocess.Popen(
            [self._node, "provider.js", str(self.port), str(self._keys_file)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line.startswith("listening"):
                return
        pytest.fail("The identity provider did not start:\n" + "".join(said))

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=SECONDS)  # closes its standard input, by which it ends
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None

    async def token(
        self, client: str = "officer-of-rabat", *, scope: str = ALL_SCOPES, resource: str = "urn:mla-tracker"
    ) -> str:
        """An access token that the provider itself makes for one of its clients."""
        form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
            answer = await http.post(f"{self.issuer}/token", data=form, auth=(client, "known-to-the-tests"))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def times_asked(self) -> int:
        """How often its keys were fetched since it started."""
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
            return int((await http.get(f"{self.issuer}/asked")).json()["asked"])
