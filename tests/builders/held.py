"""Holds answers against the published contract: status, problem type, headers, body."""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import httpx
import jsonschema_rs

from tests.builders.api import the_contract

OF_THE_PROTOCOL: Final = frozenset(
    {
        "content-type",
        "content-length",
        "date",
        "server",
        "transfer-encoding",
        "connection",
        "strict-transport-security",
    }
)
"""Headers that HTTP itself explains, or that only an address with https sends."""


class Contract:
    """A published contract, against which answers are held."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.always = {name.lower() for name in document["x-headers-of-every-answer"]}
        # What is written out stands before what is a parameter: /reports/sla before /reports/{name}.
        self._paths = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + r"\Z"), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def path_of(self, path: str) -> str | None:
        """The path in the contract that a called one is; None if it is none."""
        return next((template for pattern, template in self._paths if pattern.match(path)), None)

    def resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part, or what it refers to."""
        if "$ref" not in part:
            return part
        found: Any = self.document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        assert isinstance(found, Mapping)
        return found

    def faults(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        """What a schema says against a value."""
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": {"schemas": self.document["components"]["schemas"]}}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return [
            f"{error.instance_path}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(value)
        ]

    def wrong(
        self, method: str, path: str, status: int, headers: Iterable[tuple[str, str]], body: bytes
    ) -> list[str]:
        """What an answer is that the contract does not say. Silent of what is no operation of it."""
        template = self.path_of(path)
        operation = self.document["paths"].get(template, {}).get(method.lower())
        if operation is None:
            return []
        response = operation["responses"].get(str(status))
        if response is None:
            return [f"status {status} is not in the contract"]
        found = {name.lower(): value for name, value in headers}
        known = {name.lower(): self.resolved(header) for name, header in response["headers"].items()}
        media = found.get("content-type", "").split(";")[0]
        wrong = [f"header {name} is not in the contract" for name in self._unknown(found, known)]
        wrong += [
            f"header {name} is missing"
            for name, header in known.items()
            if header["required"] and name not in found
        ]
        if not response["content"] and not body:
            return wrong
        if media not in response["content"]:
            return [*wrong, f"media type {media} is not in the contract"]
        if media in {"application/json", "application/problem+json"}:
            said = json.loads(body)
            wrong += self.faults(response["content"][media].get("schema", {}), said)
            if media.endswith("problem+json") and said["type"] not in response["x-problems"]:
                wrong.append(f"problem {said['type']} is not in the contract of status {status}")
        return wrong

    def _unknown(self, found: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
        return sorted(found.keys() - known.keys() - self.always - OF_THE_PROTOCOL)


@cache
def published() -> Contract:
    """The contract of this program."""
    with asyncio.Runner() as runner:
        return Contract(runner.run(the_contract()))


async def hold(answer: httpx.Response) -> None:
    """For the hooks of a client: fails where an answer is not as the contract says."""
    body = await answer.aread()
    request = answer.request
    wrong = published().wrong(
        request.method, request.url.path, answer.status_code, answer.headers.multi_items(), body
    )
    assert not wrong, f"{request.method} {request.url.path} {answer.status_code}: {wrong} {body[:500]!r}"
