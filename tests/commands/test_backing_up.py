"""A backup is refused, in a sentence, where it could not be whole."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from mla_tracker.commands.backing_up import back_up
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.errors import CannotRun
from tests.builders.counted import NOW
from tests.builders.keys import the_keys
from tests.builders.worker_database import as_superuser


async def test_a_login_that_does_not_own_the_database_and_a_place_that_cannot_be_written_are_told_in_a_sentence(
    server: Server, db: Database, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "a-file").touch()
    programs, keys = await Programs.found(None), tmp_path / "record-keys"
    for folder, file, sentence in (
        (tmp_path / "a-file" / "one", keys, "backup .* could not be written"),
        (tmp_path / "one", tmp_path / "a-file" / "keys", "record keys could not be written"),
    ):
        with pytest.raises(CannotRun, match=sentence):
            await back_up(db, database_url, folder, file, programs=programs, now=NOW)
    login = f"b{uuid4().hex[:8]}"
    await as_superuser(server, f"create role {login} login; grant mla_api, mla_jobs to {login}")
    url = database_url.replace("//mla@", f"//{login}@")
    async with await Database.open(url, vault=the_keys()) as theirs:
        with pytest.raises(CannotRun, match="does not own it"):
            await back_up(theirs, url, tmp_path / "one", keys, programs=programs, now=NOW)
    await as_superuser(server, f"drop role {login}")
    with pytest.raises(CannotRun, match="Install it, or correct MLA_POSTGRES_PROGRAMS"):
        await Programs.found(tmp_path)
    assert os.listdir(tmp_path) == ["a-file"]
