"""The programs that copy a database: of which version they must be, and what they are not told."""

from pathlib import Path

import pytest

from mla_tracker.storage.copying import Programs, without_password
from mla_tracker.storage.errors import CannotRun


@pytest.mark.parametrize(
    ("programs", "server", "fits"),
    [(18, 18, True), (18, 17, True), (18, 16, False), (17, 18, False), (15, 15, True), (16, 15, True)],
)
def test_programs_are_held_against_the_server(programs: int, server: int, fits: bool) -> None:
    found = Programs(Path("/usr/bin"), programs, f"{programs}.1")
    if fits:
        found.require_fit(server)
    else:
        with pytest.raises(CannotRun, match=f"of version {server}"):
            found.require_fit(server)


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        ("postgresql://u:p%40ss@h:1/d", "postgresql://u@h:1/d", "p@ss"),
        ("postgresql://u@h/d?password=x&sslmode=require", "postgresql://u@h/d?sslmode=require", "x"),
        ("postgresql://u@/d?host=/tmp/a", "postgresql://u@/d?host=/tmp/a", None),
        ("postgres://h/d", "postgres://h/d", None),
    ],
)
def test_no_password_is_among_the_arguments_of_a_program(
    url: str, address: str, password: str | None
) -> None:
    assert without_password(url) == (address, password)
