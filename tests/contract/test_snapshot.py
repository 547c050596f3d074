"""A changed contract is seen, told as what it does to clients, and taken only with a word in the changelog."""

import copy
import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.builders.held import published
from tools import contract
from tools.contract import Change, changes, facts_of, unnamed, unreleased, written

REQUESTS: Final = "/api/v1/requests"
A_FEW: Final = (REQUESTS, "/api/v1/deadlines", "/api/v1/flags", "/api/v1/reports/sla")
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def whole() -> dict[str, Any]:
    return dict(published().document)


@pytest.fixture(scope="session")
def document(whole: dict[str, Any]) -> dict[str, Any]:
    """The contract with a few of its paths, which is enough to be edited."""
    return {**whole, "paths": {path: whole["paths"][path] for path in A_FEW}}


def edited(document: dict[str, Any], edit: Edit) -> list[Change]:
    """What is found where somebody edits the contract."""
    other = copy.deepcopy(document)
    edit(other)
    return changes(facts_of(document), facts_of(other))


def schema(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def find(document: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = document["components"]["schemas"][name]
        return found

    return find


BODY, VIEW, ACT = schema("RequestBody"), schema("RequestView"), schema("Act")

BREAKING: Final[dict[str, tuple[str, Edit]]] = {
    "an operation is gone": ("POST /api/v1/deadlines", lambda d: d["paths"].pop("/api/v1/deadlines")),
    "a field must be sent that was not there": (
        "RequestBody",
        lambda d: (BODY(d)["properties"].update(new={"type": "string"}), BODY(d)["required"].append("new")),
    ),
    "a field must be sent that was free": (
        "RequestBody",
        lambda d: BODY(d)["required"].append("assigned_to"),
    ),
    "a field is refused that was taken": ("RequestBody", lambda d: BODY(d)["properties"].pop("assigned_to")),
    "a text may be less long": (
        "RequestBody",
        lambda d: BODY(d)["properties"]["assigned_to"]["anyOf"][0].update(maxLength=10),
    ),
    "a list may be less long": (
        "RequestBody",
        lambda d: BODY(d)["properties"]["assistance"].update(maxItems=2),
    ),
    "a form of a field is refused": (
        "RequestBody",
        lambda d: BODY(d)["properties"]["assigned_to"]["anyOf"].pop(),
    ),
    "a field is of another type": (
        "RequestBody",
        lambda d: BODY(d)["properties"].update(subject={"type": "integer"}),
    ),
    "a value of a closed list is gone": ("Act", lambda d: ACT(d)["enum"].pop()),
    "an answer lacks a field": ("RequestView", lambda d: VIEW(d)["properties"].pop("status")),
    "an answer may lack a field": ("RequestView", lambda d: VIEW(d)["required"].remove("status")),
    "an answer may hold null where it did not": (
        "RequestView",
        lambda d: VIEW(d)["properties"].update(version={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ),
    "a parameter is gone": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"]["parameters"].pop(),
    ),
    "a parameter is required": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"]["parameters"][0].update(required=True),
    ),
    "a page may be less long": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"]["parameters"][0]["schema"].update(maximum=100),
    ),
    "a body may be less large": (
        f"POST {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["post"].update({"x-max-bytes": 1000}),
    ),
    "a header is gone": (
        f"POST {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["post"]["responses"]["201"]["headers"].pop("ETag"),
    ),
    "a role may no more": (f"POST {REQUESTS}", lambda d: d["paths"][REQUESTS]["post"]["x-roles"].pop()),
    "another scope is needed": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"].update({"x-scope": "manage"}),
    ),
    "an operation has another name in generated clients": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"].update(operationId="all_requests"),
    ),
    "an answer is of another schema": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"]["responses"]["200"]["content"]["application/json"].update(
            schema={"$ref": "#/components/schemas/FlagViewPage"}
        ),
    ),
    "a form of the answer is gone": (
        "GET /api/v1/reports/sla",
        lambda d: d["paths"]["/api/v1/reports/sla"]["get"]["responses"]["200"]["content"].pop("text/csv"),
    ),
}

HARMLESS: Final[dict[str, tuple[str, Edit]]] = {
    "an operation is new": (
        "GET /api/v1/news",
        lambda d: d["paths"].update({"/api/v1/news": {"get": d["paths"][REQUESTS]["get"]}}),
    ),
    "a field may be sent": ("RequestBody", lambda d: BODY(d)["properties"].update(new={"type": "string"})),
    "a field need not be sent": ("RequestBody", lambda d: BODY(d)["required"].remove("kind")),
    "a text may be longer": (
        "RequestBody",
        lambda d: BODY(d)["properties"]["assigned_to"]["anyOf"][0].update(maxLength=1000),
    ),
    "a closed list has one more": ("Act", lambda d: ACT(d)["enum"].append("sung")),
    "an answer has one more field": (
        "RequestView",
        lambda d: (VIEW(d)["properties"].update(new={"type": "string"}), VIEW(d)["required"].append("new")),
    ),
    "an answer has one more header": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"]["responses"]["200"]["headers"].update(
            Link={"required": True, "schema": {"type": "string"}}
        ),
    ),
    "another problem": (
        f"GET {REQUESTS}",
        lambda d: d["paths"][REQUESTS]["get"]["responses"]["400"]["x-problems"].append(
            "/problems/unknown-limit"
        ),
    ),
    "a role more": (f"POST {REQUESTS}", lambda d: d["paths"][REQUESTS]["post"]["x-roles"].append("auditor")),
}


@pytest.mark.parametrize("what", BREAKING)
def test_what_breaks_clients_is_told_as_such(document: dict[str, Any], what: str) -> None:
    subject, edit = BREAKING[what]
    assert subject in {change.subject for change in edited(document, edit) if change.breaks}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_breaks_no_client_is_told_as_harmless(document: dict[str, Any], what: str) -> None:
    subject, edit = HARMLESS[what]
    found = edited(document, edit)
    assert subject in {change.subject for change in found}
    assert not [change for change in found if change.breaks]


def test_words_and_examples_are_no_change(document: dict[str, Any]) -> None:
    def reword(other: dict[str, Any]) -> None:
        other["info"]["description"] = "Other words."
        other["paths"][REQUESTS]["post"].update(summary="Other words.", description="Other words.")
        other["paths"][REQUESTS]["post"]["requestBody"]["content"]["application/json"].pop("examples")
        BODY(other)["properties"]["kind"]["description"] = "Other words."

    assert edited(document, reword) == []


def test_a_field_that_is_called_description_is_a_field(document: dict[str, Any]) -> None:
    found = edited(document, lambda d: BODY(d)["properties"].update(description={"type": "string"}))
    assert [str(change) for change in found] == ["adds   RequestBody: field description new"]


def test_the_contract_is_the_one_that_was_accepted(whole: dict[str, Any]) -> None:
    accepted = json.loads(contract.SNAPSHOT.read_text())
    found = changes(accepted, facts_of(whole))
    told = "\n".join(map(str, found))
    assert not found, f"The contract has changed. Name it in CHANGELOG.md and run `make contract`.\n{told}"
    assert contract.SNAPSHOT.read_text() == written(accepted), "written by `make contract` and not by hand"


def a_changelog(*, breaking: str = "", added: str = "") -> str:
    unreleased = f"### Breaking\n\n{breaking}\n\n### Added\n\n{added}"
    return f"# C\n\n## [Unreleased]\n\n{unreleased}\n\n## [0.1]\n\n- `/requests`\n"


@pytest.mark.parametrize(
    ("subject", "said", "named"),
    [
        ("POST /api/v1/requests", "- `POST /requests` takes more.", True),
        ("POST /api/v1/requests", "- `/api/v1/requests` takes more.", True),
        ("POST /api/v1/requests", "- `/requests/{id}/notes` takes more.", False),
        ("GET /api/v1/requests/{request_id}", "- `/requests` takes more.", False),
        ("GET /api/v1/requests/{request_id}", "- `/requests/{id}` takes more.", True),
        ("RequestBody", "- `RequestBody` takes more.", True),
        ("RequestBody", "- `RequestBodyOfOthers` takes more.", False),
        ("RequestBody", "- `POST /requests` takes more.", True),
        ("RequestBody", "- `POST /agreements` takes more.", False),
        ("RequestBody", "", False),
    ],
)
def test_the_changelog_names_a_change_by_path_or_schema(
    document: dict[str, Any], subject: str, said: str, named: bool
) -> None:
    facts = facts_of(document)
    harmless, breaks = Change(subject, "x", False), Change(subject, "x", True)
    assert (unnamed([harmless], facts, facts, a_changelog(added=said)) == []) is named
    assert (unnamed([breaks], facts, facts, a_changelog(breaking=said)) == []) is named
    assert unnamed([breaks], facts, facts, a_changelog(added=said)) == [breaks]


def test_only_what_is_not_released_yet_is_read() -> None:
    everything, breaking = unreleased(a_changelog(breaking="- one", added="- two"))
    assert ("- one" in everything, "- two" in everything, "0.1" in everything) == (True, True, False)
    assert ("- one" in breaking, "- two" in breaking) == (True, False)
    assert unreleased("# C\n\n## [0.1]\n") == ("", "")


def test_a_change_is_written_only_once_the_changelog_names_it(
    document: dict[str, Any],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = copy.deepcopy(document)
    BODY(before)["properties"]["nickname"] = {"type": "string"}
    snapshot, changelog = tmp_path / "contract.json", tmp_path / "CHANGELOG.md"
    snapshot.write_text(written(facts_of(before)))
    changelog.write_text(a_changelog(added="- `RequestBody` has no nickname any more."))
    monkeypatch.setattr(contract, "SNAPSHOT", snapshot)
    monkeypatch.setattr(contract, "CHANGELOG", changelog)
    monkeypatch.setattr(contract, "ROOT", tmp_path)
    monkeypatch.setattr(contract, "present_facts", lambda: facts_of(document))

    assert contract.accept() == 1
    assert "nickname" in snapshot.read_text()
    assert "RequestBody (breaking)" in capsys.readouterr().out

    changelog.write_text(a_changelog(breaking="- `RequestBody` has no nickname any more."))
    assert contract.accept() == 0
    assert json.loads(snapshot.read_text()) == facts_of(document)
