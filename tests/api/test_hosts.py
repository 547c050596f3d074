"""By which names the API may be called, and how large a request may be, whatever the path."""

import httpx
import pytest

from mla_tracker.api.edge import MOST_HEADERS, MOST_URL_BYTES, Hosts
from mla_tracker.settings import Settings


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/schema", "/nowhere", "/metrics", "/", "/problems/not-found"]
)
async def test_a_call_by_a_strange_name_is_refused_and_the_setting_is_named(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    refused = await anonymous.get(path, headers={"Host": "evil.example"})
    assert refused.status_code == 421
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/unknown-host"
    assert "MLA_ALLOWED_HOSTS" in refused.json()["detail"]
    assert "evil.example" not in refused.text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_is_told_by_whatever_name_since_probes_go_by_address(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    assert (await anonymous.get(path, headers={"Host": "10.1.2.3:8000"})).status_code == 200


@pytest.mark.parametrize(
    ("names", "host", "taken"),
    [
        (["mla.example"], "mla.example", True),
        (["mla.example"], "MLA.example:8443", True),
        (["mla.example"], "mla.example.", True),
        (["MLA.Example"], "mla.example", True),
        (["mla.example"], "xmla.example", False),
        (["mla.example"], "mla.example.evil", False),
        (["mla.example"], "mla.example@evil", False),
        (["mla.example"], "mla.example:80:80", False),
        (["mla.example"], "mla.example, evil", False),
        (["mla.example"], "", False),
        (["*.example"], "mla.example", True),
        (["*.example"], "a.b.example", True),
        (["*.example"], "example", False),
        (["*.example"], "evilexample", False),
        (["[::1]"], "[::1]:8000", True),
        (["[::1]"], "::1", False),
        (["*"], "anything", True),
        ([], "localhost", False),
    ],
)
def test_a_host_is_one_of_those_named(names: list[str], host: str, taken: bool) -> None:
    assert Hosts(names).take([(b"Host", host.encode())]) is taken


def test_no_host_and_two_hosts_are_none() -> None:
    hosts = Hosts(["mla.example"])
    assert not hosts.take([])
    assert not hosts.take([(b"host", b"mla.example"), (b"host", b"mla.example")])


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", "127.0.0.1"), ("mla.example", "mla.example"), ("::1", "[::1]")]
)
def test_by_default_it_answers_to_the_address_it_listens_on_and_to_this_machine(host: str, own: str) -> None:
    assert set(Settings(host=host).hosts) == {own, "localhost", "127.0.0.1", "[::1]"}


async def test_an_address_or_headers_too_long_are_refused_whatever_the_path(
    anonymous: httpx.AsyncClient,
) -> None:
    fits = await anonymous.get("/nowhere?" + "x" * (MOST_URL_BYTES - len("/nowhere")))
    assert fits.status_code == 404
    long = await anonymous.get("/nowhere?" + "x" * MOST_URL_BYTES)
    assert (long.status_code, long.json()["type"]) == (414, "/problems/url-too-long")
    wide = await anonymous.get("/nowhere", headers={"X-Wide": "x" * 40_000})
    assert (wide.status_code, wide.json()["type"]) == (431, "/problems/headers-too-large")
    many = await anonymous.get("/nowhere", headers=[(f"X-{number}", "x") for number in range(MOST_HEADERS)])
    assert many.status_code == 431
