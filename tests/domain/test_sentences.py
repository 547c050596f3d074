"""Every step has words, every word is used, and a step kept as JSON comes back as it was."""

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mla_tracker.domain
from mla_tracker.domain.explanation import Language, Step, plain
from mla_tracker.domain.sentences import TEMPLATES, sentence, step_document, step_of
from mla_tracker.domain.vocabulary import Act, Basis, Stage
from tests.builders.histories import a_warrant, an_order

DOMAIN = Path(mla_tracker.domain.__file__).parent


def steps_in_code() -> Iterator[tuple[str, frozenset[str] | None]]:
    """The message ids that the code of the domain names, with the arguments where they stand beside them."""
    for file in sorted(DOMAIN.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first = node.args[0]
            if name in {"Step", "note"} and isinstance(first, ast.Constant):
                yield str(first.value), _arguments(node) if name == "Step" else None


def _arguments(call: ast.Call) -> frozenset[str] | None:
    given = call.args[1] if len(call.args) > 1 else None
    if given is None:
        return frozenset()
    if not isinstance(given, ast.Dict) or None in given.keys:
        return None
    return frozenset(str(key.value) for key in given.keys if isinstance(key, ast.Constant))


def fields(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


IN_CODE = list(steps_in_code())


@pytest.mark.parametrize("code", sorted({code for code, _ in IN_CODE}))
def test_every_message_of_the_code_has_words(code: str) -> None:
    assert code in TEMPLATES


@pytest.mark.parametrize(("code", "arguments"), [one for one in IN_CODE if one[1] is not None])
def test_the_words_use_the_arguments_that_the_code_gives(code: str, arguments: frozenset[str]) -> None:
    assert fields(TEMPLATES[code]) <= arguments


def test_no_words_are_kept_that_nothing_says() -> None:
    texts = "".join(file.read_text("utf-8") for file in DOMAIN.glob("*.py") if "wording" not in file.name)
    unused = {code for code in TEMPLATES if f'"{code}"' not in texts}
    composed = {code for code in unused if code.startswith("period-")}  # "period-" and the unit
    assert unused == composed


@pytest.mark.parametrize("code", sorted(TEMPLATES))
def test_every_sentence_can_be_said_and_ends_as_one(code: str) -> None:
    step = Step(code, dict.fromkeys(fields(TEMPLATES[code]), date(2026, 3, 2)), "ETS 24 Art. 16(4)")
    said = sentence(step)
    assert said.endswith(". Source: ETS 24 Art. 16(4).")
    assert "{" not in said
    assert said[0].isupper() or said.startswith("Monday") or not said[0].isalpha()


def test_a_message_without_words_is_an_error() -> None:
    with pytest.raises(KeyError):
        sentence(Step("nobody-says-this"))


ARGUMENTS = st.one_of(
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-1000, 1000),
    st.text(max_size=20).filter(lambda text: not text[:1].isdigit()),
    st.lists(st.dates(), max_size=3),
)


@given(st.dictionaries(st.text("abc_", min_size=1), ARGUMENTS, max_size=4), st.none() | st.just("ETS 24"))
def test_a_step_comes_back_from_json_as_it_was(args: dict[str, Any], source: str | None) -> None:
    step = Step("due-on", args, source)
    assert step_of(step_document(step)) == step


def test_what_is_no_day_stays_text() -> None:
    document = {"code": "x", "args": {"a": "2026-03-02", "b": "2026-03-02T10:00:00+00:00", "c": "2026-03"}}
    assert step_of(document).args == {
        "a": date(2026, 3, 2),
        "b": datetime(2026, 3, 2, 10, tzinfo=UTC),
        "c": "2026-03",
    }
    assert plain((date(2026, 3, 2), "x")) == ["2026-03-02", "x"]


def test_another_language_needs_no_more_than_a_catalogue_of_its_own() -> None:
    """Sentences, words, dates, countries and the way to name a source: nothing of them is left in English."""
    mirrored = Language(
        templates={
            code: "⟦" + "·".join(f"{{{name}}}" for name in sorted(fields(TEMPLATES[code]))) + "⟧"
            for code in TEMPLATES
        },
        words={value.value: value.value[::-1] for kind in (Act, Stage, Basis) for value in kind},
        day=lambda day: day.strftime("%Y.%m.%d"),
        country=lambda code: code.lower(),
        comma="、",
        with_source="{sentence}（{source}）",
    )
    warrant = a_warrant().received("2026-03-02").arrested("2026-03-02")
    told = [sentence(step_of(step_document(step)), mirrored) for step in warrant.clock("eaw-decide").steps]
    assert told[0] == "⟦wal·ediced⟧（EAW Framework Decision 2002/584/JHA, Art. 17(3) and 17(4)）"
    assert "⟦detserra·es·2026.03.02⟧" in told
    assert "⟦60·2026.03.02·2026.05.01⟧" in " ".join(told)
    waiting = sentence(step_of(step_document(an_order().clock("eio-decide").steps[-1])), mirrored)
    assert waiting == "⟦ytirohtua_tnetepmoc_yb_deviecer、deviecer⟧"
