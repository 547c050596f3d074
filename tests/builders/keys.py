"""The keys of the databases that tests use."""

import os
from functools import cache
from pathlib import Path

from mla_tracker.storage.vault import Vault

FOLDER = "MLA_TEST_FOLDER"


def keys_folder() -> Path:
    """Where the keys of this run lie; a program that a test starts is pointed there by MLA_KEYS_DIR."""
    return Path(os.environ[FOLDER]) / "keys"


@cache
def the_keys() -> Vault:
    """The keys of this run."""
    return Vault.read(keys_folder())
