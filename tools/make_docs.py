"""Write docs/problems.md from the table of problems; a test holds that it was done."""

from pathlib import Path

from mla_tracker.api import problems

PAGE = Path(__file__).resolve().parent.parent / "docs" / "problems.md"
HEAD = """# Problems

Errors are `application/problem+json` (RFC 9457). `errors` names each field at fault by its JSON pointer.
This page is made from the code by `make docs`.

| type | status | title | meaning |
| --- | --- | --- | --- |
"""


def problem_table() -> str:
    """Every kind of problem with its status and meaning."""
    rows = [
        f"| `{kind.type}` | {kind.status} | {kind.title} | {' '.join(kind.meaning.split())} |\n"
        for kind in sorted(problems.all_kinds(), key=lambda kind: (kind.status, kind.slug))
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(problem_table(), encoding="utf-8")
    print(f"{PAGE.name} written.")
