"""What holds for every answer, whoever asks and whatever for."""

import re
from collections.abc import Callable

import httpx
import pytest
from litestar import Response, get, post
from litestar.types import ASGIApp
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from mla_tracker.api import account, requests
from mla_tracker.api import app as application
from mla_tracker.api.app import create_app
from mla_tracker.api.documentation import PAGE_POLICY
from mla_tracker.api.edge import Edge, Hosts
from mla_tracker.api.fields import Entry, Line
from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.api.routes import documented
from mla_tracker.storage.database import Database
from tests.builders.api import ADDRESS, HOST, SETTINGS, Present

ANSWERS = [
    ("GET", "/health/live", 200),
    ("HEAD", "/health/live", 200),
    ("OPTIONS", "/api/v1/requests", 204),
    ("GET", "/nowhere", 404),
    ("GET", "/api/v1/nowhere", 404),
    ("POST", "/health/live", 405),
    ("DELETE", "/api/v1/me", 405),
    ("GET", "/api/v1/me", 401),
    ("GET", "/health/live?verbose=1", 400),
    ("GET", "/schema", 200),
    ("GET", "/problems/not-found", 200),
    ("GET", "/problems/nothing", 404),
    ("GET", "/schema/..%2fapp.py", 404),
    ("GET", "/schema/README.md", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_every_answer_has_a_request_id_and_is_safe_to_show(
    anonymous: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await anonymous.request(method, path)
    assert answer.status_code == status
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"]
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = answer.json()
        assert told["status"] == status
        assert told["type"].startswith("/problems/")
        assert (await anonymous.get(told["type"])).status_code == 200


async def test_a_sound_request_id_of_the_caller_is_kept_and_a_strange_one_is_not(
    anonymous: httpx.AsyncClient,
) -> None:
    for sent, kept in [
        ("case-2026.0017_a", True),
        ("short", False),
        ("x" * 65, False),
        ("a b c d e f g", False),
    ]:
        answer = await anonymous.get("/health/live", headers={"X-Request-ID": sent})
        assert (answer.headers["X-Request-ID"] == sent) is kept


async def test_head_tells_what_get_would_without_the_body(anonymous: httpx.AsyncClient) -> None:
    full, head = await anonymous.get("/schema"), await anonymous.head("/schema")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Length"] == full.headers["Content-Length"]


async def test_methods_that_apply_are_told(anonymous: httpx.AsyncClient) -> None:
    options = await anonymous.options("/api/v1/requests")
    assert options.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    refused = await anonymous.delete("/api/v1/requests")
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_each_request_leaves_one_line_in_the_log(morocco: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await morocco.get("/api/v1/me")
    [line] = [line for line in lines if line["event"] == "request"]
    assert line["route"] == "/api/v1/me"
    assert line["status"] == 200
    assert line["bytes"] == len(answer.content)
    assert line["account"] == answer.json()["id"]


async def test_figures_name_routes_and_never_records(morocco: httpx.AsyncClient) -> None:
    await morocco.get("/api/v1/requests/019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12")
    await morocco.request("BREW", "/coffee/MA")
    figures = (await morocco.get("/metrics")).text
    labels = "http_requests_total{{method={},route={},status={}}} 1.0"
    assert labels.format('"GET"', '"/api/v1/requests/{request_id}"', '"404"') in figures
    assert labels.format('"other"', '"unmatched"', '"404"') in figures or '"other"' in figures
    assert "019b6f2e" not in figures
    assert "coffee" not in figures


DUE = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-DNS-Prefetch-Control": "off",
    "Cache-Control": "no-store",
}
"""What OWASP's list of secure headers asks of every answer. HSTS comes with https, and is tested below."""


@pytest.mark.parametrize(
    ("path", "method", "host", "status"),
    [
        ("/health/live", "GET", HOST, 200),
        ("/problems", "GET", HOST, 200),
        ("/schema", "GET", HOST, 200),
        ("/schema/openapi.json", "GET", HOST, 200),
        ("/", "GET", HOST, 307),
        ("/api/v1/requests", "OPTIONS", HOST, 204),
        ("/api/v1/me", "GET", HOST, 401),
        ("/nowhere", "GET", HOST, 404),
        ("/api/v1/me", "DELETE", HOST, 405),
        ("/nowhere", "GET", "evil.example", 421),
        ("/api/v1/broken", "GET", HOST, 500),
    ],
)
async def test_every_answer_carries_every_header_that_is_due_to_it(
    with_routes: Callable[[], httpx.AsyncClient], path: str, method: str, host: str, status: int
) -> None:
    async with with_routes() as client:
        answer = await client.request(method, path, headers={"Host": host})
    assert answer.status_code == status
    due = dict(DUE)
    if path == "/schema":
        due["Content-Security-Policy"] = PAGE_POLICY
        assert "script-src 'self'" in PAGE_POLICY
        assert "frame-ancestors 'none'" in PAGE_POLICY
    assert {name: answer.headers.get(name) for name in due} == due
    assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(answer.headers)


async def test_a_refusal_for_too_many_calls_carries_them_too(db: Database, present: Present) -> None:
    app = create_app(db, SETTINGS.model_copy(update={"failures_per_minute": 1}), now=present)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
        await client.get("/problems")
        refused = await client.get("/problems")
    assert refused.status_code == 429
    assert {name: refused.headers.get(name) for name in DUE} == DUE
    assert refused.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


class Thing(Entry):
    name: Line


@get("/broken", **documented("Fails", tag="operation", answer=None, public=True, hidden=True))
async def broken() -> Response[bytes]:
    raise KeyError("secret of the inside")


@post(
    "/things",
    **documented("Takes a thing", tag="operation", body=Thing, answer=None, public=True, max_body=64),
)
async def take_thing(entry: Thing) -> Response[bytes]:
    return Response(entry.name.encode(), media_type="text/plain")


@pytest.fixture
def with_routes(
    db: Database, present: Present, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], httpx.AsyncClient]:
    monkeypatch.setattr(application, "ROUTES", [account.read_me, requests.log_request, broken, take_thing])
    app = create_app(db, SETTINGS, now=present, http_metrics=HttpMetrics(CollectorRegistry()))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    return lambda: httpx.AsyncClient(transport=transport, base_url=ADDRESS)


async def test_a_fault_of_ours_is_logged_under_the_id_that_the_caller_gets(
    with_routes: Callable[[], httpx.AsyncClient],
) -> None:
    async with with_routes() as client:
        with capture_logs() as lines:
            answer = await client.get("/api/v1/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["type"] == "/problems/internal-error"
    [line] = [line for line in lines if line["event"] == "unexpected error"]
    assert "secret" in repr(line["exc_info"])


async def test_a_body_larger_than_the_route_takes_is_refused(
    with_routes: Callable[[], httpx.AsyncClient],
) -> None:
    async def in_pieces() -> object:
        for _ in range(10):
            yield b'{"name": "abc'

    async with with_routes() as client:
        headers = {"Content-Type": "application/json"}
        assert (await client.post("/api/v1/things", json={"name": "x"})).status_code == 200
        declared = await client.post("/api/v1/things", json={"name": "x" * 60})
        streamed = await client.post("/api/v1/things", content=in_pieces(), headers=headers)  # type: ignore[arg-type] # typed as object above
    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_body_that_is_not_json_is_refused_before_it_is_read(
    with_routes: Callable[[], httpx.AsyncClient],
) -> None:
    async with with_routes() as client:
        answer = await client.post(
            "/api/v1/things", content=b"name=x" * 100, headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 415
    assert answer.headers["Accept"] == "application/json"


async def test_what_fails_outside_any_route_is_a_problem_too() -> None:
    async def fails(scope: object, receive: object, send: object) -> None:
        raise ZeroDivisionError

    edge: ASGIApp = Edge(fails, HttpMetrics(CollectorRegistry()), Hosts([HOST]))
    transport = httpx.ASGITransport(edge)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    async with httpx.AsyncClient(transport=transport, base_url="https://tests") as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert answer.headers["Strict-Transport-Security"]
