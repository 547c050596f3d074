"""Answers: read models put into JSON, with the headers that tell version, place and replay."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response
from pydantic import BaseModel

from mla_tracker.api.conditional import etag

JSON = "application/json"


def answer(
    content: BaseModel | Mapping[str, Any],
    *,
    status: int = 200,
    version: int | None = None,
    location: str | None = None,
    replayed: bool = False,
) -> Response[bytes]:
    """A JSON answer. `version` becomes the ETag; `replayed` marks the answer to a repeated call."""
    if isinstance(content, BaseModel):
        body = content.model_dump_json(by_alias=True).encode()
    else:
        body = msgspec.json.encode(content)
    headers: dict[str, str] = {}
    if version is not None:
        headers["ETag"] = etag(version)
    if location is not None:
        headers["Location"] = location
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(body, status_code=status, media_type=JSON, headers=headers)
