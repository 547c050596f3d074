"""Lists of parties on the command line: looked at first, loaded once, refused in sentences."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.programs import environment

PROGRAM = Path(sys.executable).with_name("mla-tracker")
OPTIONS = ("--convention", "untoc", "--as-of", "2025-10-01", "--source", "Treaty Collection, 1 October 2025")
LIST = "country,since,until\nES,2003-09-29,\nJPN,2017-08-10,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "untoc.csv"
    path.write_text(LIST)
    return path


def run(database_url: str, *args: str | Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [str(PROGRAM), "parties", *map(str, args)],
        env=environment(MLA_DATABASE_URL=database_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_a_list_is_looked_at_loaded_once_and_shown(database_url: str, file: Path) -> None:
    seen = run(database_url, "load", file, *OPTIONS, "--preview", "--json")
    assert seen.returncode == 0, seen.stderr
    preview = json.loads(seen.stdout)
    assert (preview["version"], preview["stored"], preview["already_in_force"]) == (1, False, False)
    assert (preview["open_clocks"], preview["moved"], preview["added"]) == (0, 0, ["JP"])
    assert "MA" in preview["removed"]
    loaded = run(database_url, "load", file, *OPTIONS)
    assert loaded.returncode == 0, loaded.stderr
    assert "untoc, version 1: 2 countries as of 2025-10-01.\nAdded: JP.\nGone: AD, " in loaded.stdout
    assert loaded.stdout.endswith("0 request(s) wait to be counted anew, which a job does within minutes.\n")
    again = json.loads(run(database_url, "load", file, *OPTIONS, "--json").stdout)
    assert (again["version"], again["stored"], again["already_in_force"]) == (1, False, True)
    shown = run(database_url, "list", "--convention", "untoc")
    assert shown.stdout == (
        "untoc  version 1  as of 2025-10-01  not complete  2 countries  Treaty Collection, 1 October 2025\n"
        "  ES  since 2003-09-29\n  JP  since 2017-08-10\n"
    )
    listed = {one["id"]: one for one in json.loads(run(database_url, "list", "--json").stdout)}
    assert (listed["untoc"]["version"], listed["un1988"]["version"]) == (1, 0)
    assert (listed["un1988"]["as_of"], len(listed["un1988"]["parties"])) == ("2015-03-14", 188)


def test_who_makes_a_complete_list_incomplete_is_told(database_url: str, file: Path) -> None:
    options: tuple[str, ...] = ("--convention", "ets24", *OPTIONS[2:])
    options = tuple("2026-10-01" if option == "2025-10-01" else option for option in options)
    done = run(database_url, "load", file, *options, "--preview")
    assert done.returncode == 0, done.stderr
    assert "The list in force before was complete" in done.stderr
    assert "Nothing was stored. Of 0 open clock(s) of such requests 0 would move." in done.stdout


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (LIST + "XX,soon,\nEU,2003-09-29,\n", 'line 4: "XX" is no ISO 3166-1 code'),
        (LIST + "XX,soon,\nEU,2003-09-29,\n", "line 5: The European Union is no country"),
        ("country;since\n", "line 1: The first line must be"),
        ("country,since\nES,2003-09-29\né".encode("latin-1"), "is not UTF-8"),
        ("x" * 1_048_577, "is larger than one list of countries can be"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    database_url: str, file: Path, text: str | bytes | None, sentence: str
) -> None:
    file.unlink()
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run(database_url, "load", file, *OPTIONS)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert json.loads(run(database_url, "list", "--convention", "untoc", "--json").stdout)[0]["version"] == 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("untoc", "unheard-of", "There is no such instrument in the catalogue."),
        ("2025-10-01", "2025-02-30", "--as-of '2025-02-30' is no date that exists"),
        ("2025-10-01", "2399-01-01", "is still to come"),
        ("2025-10-01", "2015-03-13", "if the older one is right, say so with --older"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(
    database_url: str, file: Path, old: str, new: str, sentence: str
) -> None:
    options = tuple(new if option == old else option for option in OPTIONS)
    done = run(database_url, "load", file, *options)
    assert done.returncode == 1
    assert sentence in done.stderr
    if "--older" in sentence:
        assert run(database_url, "load", file, *options, "--older").returncode == 0


def test_an_instrument_that_nobody_knows_is_not_shown(database_url: str) -> None:
    done = run(database_url, "list", "--convention", "unheard-of")
    assert done.returncode == 1
    assert "There is no such instrument" in done.stderr
