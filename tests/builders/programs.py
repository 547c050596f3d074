"""The environment of the programs that tests start, and what to do without one of them."""

import os
from typing import NoReturn

import pytest

from tests.builders.keys import keys_folder


def environment(**settings: str) -> dict[str, str]:
    """Ours without what a developer may have set; a database that is named is one of the tests', with their keys."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MLA_")}
    keys = {"MLA_KEYS_DIR": str(keys_folder())} if "MLA_DATABASE_URL" in settings else {}
    return bare | keys | settings


def absent(what: str) -> NoReturn:
    """Skip the test; in CI, where everything is to be tried, that fails."""
    if "CI" in os.environ:
        pytest.fail(what)
    pytest.skip(what)
