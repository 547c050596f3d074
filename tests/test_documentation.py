"""Newcomers find every setting, command and room in the docs: what is missing there fails here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from mla_tracker.cli import app
from mla_tracker.settings import Settings
from tools.make_docs import PAGES

ROOT = Path(__file__).parents[1]


def _commands(room: App, words: tuple[str, ...] = ("mla-tracker",)) -> Iterator[str]:
    for name in room:
        if name.startswith("-"):
            continue
        below = list(_commands(room[name], (*words, name)))
        yield from below or [" ".join((*words, name))]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_docs(name: str) -> None:
    assert f"| `MLA_{name.upper()}` |" in (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("command", tuple(_commands(app)))
def test_every_command_is_in_the_docs(command: str) -> None:
    assert f"| `{command}` |" in (ROOT / "docs" / "commands.md").read_text()


def test_no_command_stands_in_the_docs_that_does_not_exist() -> None:
    named = re.findall(r"^\| `(mla-tracker [a-z ]+)` \|", (ROOT / "docs" / "commands.md").read_text(), re.M)
    assert sorted(named) == sorted(_commands(app))


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_every_link_between_our_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_found_from_the_readme() -> None:
    pages = set((ROOT / "docs").glob("*.md"))
    found, ahead = set(), {ROOT / "README.md"}
    while ahead:
        page = ahead.pop()
        found.add(page)
        links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+\.md)", page.read_text())
        ahead |= {(page.parent / link).resolve() for link in links} - found
    assert pages - found == set()


def test_every_test_that_the_page_on_security_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "mla_tracker").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_every_file_says_what_lives_in_it_and_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 400


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_made_from_the_code_says_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "Run make docs."
