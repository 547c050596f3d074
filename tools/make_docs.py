"""Write the pages of docs/ that are made from the code; a test holds that it was done."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mla_tracker.api import problems
from mla_tracker.api.app import ROUTES
from mla_tracker.api.files import columns as files
from mla_tracker.api.files.samples import sample_file
from mla_tracker.catalogue.limit_files import LimitEntry, load_entries
from mla_tracker.domain.limits import Limit, Span, Trigger
from mla_tracker.domain.permissions import PERMISSIONS, Deed
from mla_tracker.domain.sentences import TEMPLATES
from mla_tracker.domain.vocabulary import Role

DOCS = Path(__file__).resolve().parent.parent / "docs"

PROBLEMS = """# Problems

Errors are `application/problem+json` (RFC 9457). `errors` names each field at fault by its JSON pointer.
This page is made from the code by `make docs`.

| type | status | title | meaning |
| --- | --- | --- | --- |
"""

LIMITS = """# Limits, row by row

Every limit of the catalogue, made from its files by `make docs`. What the columns mean is said in [limits](limits.md).
`seen`: V, the wording was read; T, a transposition or quotation of it; M, from memory; own, a target of ours.
Conditions, extensions and consequences are the words of the provision.

"""
EXPLANATIONS = """# Explanations

Every step of an explanation, and every warning, is a message id with arguments (`code` and `args` in the API) and,
where it rests on one, a source. The arguments are dates, instants, numbers, names and codes of closed lists (acts,
stages, bases, countries). So another language needs a catalogue of its own (`Language` in `domain/explanation.py`) and
nothing else; names of holidays, treaties and sources stay as they are. Replayed, the steps lead to the date that they
explain. This page is made from the code by `make docs`.

| message id | in English |
| --- | --- |
"""
PERMISSIONS_HEAD = """# Permissions

Who may do what, made from `domain/permissions.py` by `make docs`; code, contract (`x-roles`, `x-scope`) and tests read
the same table. A role may do what has a mark, with a token that carries the scope. *Which* requests and agreements an
account sees at all is another matter: those of its own countries. What roles and scopes are: [accounts](accounts.md).

"""
COLUMNS_HEAD = """# Columns of files

Made from `api/files/columns.py` by `make docs`, with the samples that `mla-tracker import --sample` prints and a test
imports. How each form is read: [imports](imports.md). NDJSON has the fields of the API's bodies; what CSV has in
columns of acts stands in `events`, `references` is an object, and parties with dates are objects in `parties`.

Columns of JSON hold in both forms the same. What answers of the API name by id is told so:

| of | field | says |
| --- | --- | --- |
| an act | `asserted_by` | The country that states it; by default the one where it takes place, else your own. |
| an act | `data.answers_act` | The place in the list of the act that it answers, from 1. The columns come first. |
| an act | `data.request_reference` | Of `linked`: the reference that your country gave the other request. |
| an act | `voided` | It was taken back and counts no more: an object, which may be empty. |
| an act | `voided.reason` | Why. Absent where it was erased. |
| an act | `voided.replaced_by` | The place of the act that was recorded in its place. |
| an act | `voided.by` | The country that took it back; by default the one that stated it. |
| an event of an agreement | `voided.reason` | Why it was taken back. |
| an event of an agreement | `data.superseded_by_reference` | The reference that you gave the other one. |
| a person | `recorded_by` | The country that recorded them; by default your own. |
| a note | `country` | Whose it is; by default your own country's. |
"""
COLUMNS = (
    "limit", "source", "seen", "within", "effect", "from", "until", "duty, counted in", "condition", "extension",
    "at the end",
)  # fmt: skip


def problem_page() -> str:
    """Every kind of problem with its status and meaning."""
    rows = [
        f"| `{kind.type}` | {kind.status} | {kind.title} | {' '.join(kind.meaning.split())} |\n"
        for kind in sorted(problems.all_kinds(), key=lambda kind: (kind.status, kind.slug))
    ]
    return PROBLEMS + "".join(rows)


def limit_page() -> str:
    """Every limit by the source that sets it, with what keeps a row out of force if anything does."""
    sources: dict[str, list[LimitEntry]] = {}
    for entry in load_entries():
        sources.setdefault(entry.limit.instrument, []).append(entry)
    return LIMITS + "\n".join(_section(title, entries) for title, entries in sources.items())


def _section(title: str, entries: Iterable[LimitEntry]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    notes: list[str] = []
    for entry in entries:
        limit = entry.limit
        lines.append(f"| {' | '.join(_row(limit))} |")
        if not entry.ready:
            notes.append(f"- `{limit.id}` is **not in force**: {entry.lacks}.")
        if "note" in limit.wording:
            notes.append(f"- `{limit.id}`: {limit.wording['note']}")
        notes += [f"- `{limit.id}`: {_figure(limit, number)}" for number in range(len(limit.figures))]
    return "\n".join([*lines, *([""] if notes else []), *notes, ""])


def _row(limit: Limit) -> list[str]:
    words = limit.wording
    return [
        f"`{limit.id}`",
        limit.provision,
        limit.evidence,
        _within(limit),
        f"{limit.effect}, {limit.tier}" if limit.tier else limit.effect.value,
        " else ".join(_trigger(one) for one in limit.starts_on),
        " or ".join(_trigger(one) for one in limit.stops_on) or "–",
        f"{limit.obligor}, {limit.counted_in}",
        words.get("condition", "–"),
        words.get("extension", "–"),
        words.get("on_expiry", "–"),
    ]


def _within(limit: Limit) -> str:
    if limit.request_date is not None:
        return "the date wished for"
    if limit.span is None:
        return "no number"
    counted = "" if limit.counting in ("calendar", "instants", "working-days") else f" ({limit.counting})"
    return f"{_span(limit.span)}{counted}"


def _span(span: Span) -> str:
    unit = span.unit.value.replace("_", " ")
    number = abs(span.amount)
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}{' before' if span.amount < 0 else ''}"


def _trigger(trigger: Trigger) -> str:
    said = [f"{name}: {str(value).lower()}" for name, value in trigger.where.items()]
    said += [f"its {trigger.date_field}"] if trigger.date_field else []
    said += [f"after `{trigger.after}`"] if trigger.after else []
    return f"`{trigger.act}`{_bracketed(said)}"


def _bracketed(said: list[str]) -> str:
    return f" ({', '.join(said)})" if said else ""


def _figure(limit: Limit, number: int) -> str:
    figure = limit.figures[number]
    asked_by = f" towards {', '.join(sorted(figure.requesting))}" if figure.requesting else ""
    return f"{figure.requested}{asked_by}: {_span(figure.span)} ({figure.evidence})."


def explanation_page() -> str:
    """Every message id of explanations and warnings, with its sentence and its arguments in braces."""
    rows = [f"| `{code}` | {text} |\n" for code, text in sorted(TEMPLATES.items())]
    return EXPLANATIONS + "".join(rows)


def permission_page() -> str:
    """Every deed with the roles that may do it and the scope that it takes, and the routes that ask for it."""
    routes: dict[Deed, list[str]] = {deed: [] for deed in Deed}
    for handler in ROUTES:
        for path in sorted(handler.paths):
            shown = re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
            if handler.opt["route"].public:
                continue
            routes[handler.opt["route"].may].append(f"`{min(handler.http_methods)} {shown}`")
    lines = [f"| deed | {' | '.join(Role)} | scope | routes |", f"|{' --- |' * (len(Role) + 3)}"]
    for deed, permission in PERMISSIONS.items():
        marks = " | ".join("✓" if role in permission.roles else "" for role in Role)
        words = f"{permission.words} (`{deed}`)"
        lines.append(
            f"| {words} | {marks} | {' and '.join(permission.scopes) or 'any'} | {', '.join(routes[deed])} |"
        )
    return PERMISSIONS_HEAD + "\n".join(lines) + "\n"


def column_page() -> str:
    """Every column of every kind of file, and a sample."""
    parts = [COLUMNS_HEAD]
    for kind, columns in files.COLUMNS.items():
        parts.append(f"## {kind}\n\n| column | holds | |\n| --- | --- | --- |")
        for column in columns:
            needed = ", required" if column.name in files.REQUIRED[kind] else ""
            parts.append(f"| `{column.name}` | {column.form}{needed} | {column.words} |")
        parts.append(f"\n```csv\n{sample_file(kind, 'csv')}```\n")
        parts.append(f"```json\n{sample_file(kind, 'ndjson')}```\n")
    return "\n".join(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "problems.md": problem_page,
    "limits-table.md": limit_page,
    "explanations.md": explanation_page,
    "permissions.md": permission_page,
    "import-columns.md": column_page,
}
"""The pages that are made, by name."""


if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
        print(f"{name} written.")
