"""Where settings come from, and that none of them says a secret aloud."""

from pathlib import Path

import pytest

from mla_tracker.settings import Settings, exposed, load_settings, secret_names
from mla_tracker.storage.errors import CannotRun

URL = "postgresql://mla:hunter2@db.example/mla"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets as a container has it, named in the environment."""
    monkeypatch.setenv("MLA_SECRETS_DIR", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, content: str | bytes, mode: int = 0o600) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def test_a_secret_is_read_from_a_file_and_the_environment_prevails(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(secrets, "mla_database_url", f"{URL}\n")
    put(secrets, "mla_trusted_proxies", "10.0.0.1, 10.1.0.0/16")
    put(secrets, "other", "not ours")
    settings = load_settings()
    assert settings.database_url == URL
    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    monkeypatch.setenv("MLA_DATABASE_URL", "postgresql://elsewhere/mla")
    assert load_settings().database_url == "postgresql://elsewhere/mla"
    assert load_settings(database_url=URL).database_url == URL


def test_a_folder_of_secrets_that_is_none_stops_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLA_SECRETS_DIR", str(tmp_path / "missing"))
    with pytest.raises(CannotRun, match=r"MLA_SECRETS_DIR .*missing is not a folder"):
        load_settings()


def test_a_wrong_secret_is_named_and_not_shown(secrets: Path) -> None:
    put(secrets, "mla_database_url", "mysql://mla:hunter2@db/mla")
    with pytest.raises(CannotRun, match="MLA_DATABASE_URL is not possible") as told:
        load_settings()
    assert "hunter2" not in str(told.value)
    put(secrets, "mla_database_url", b"\xff\xfe")
    with pytest.raises(CannotRun, match=r"database_url.*UnicodeDecodeError.*text in UTF-8"):
        load_settings()


def test_secrets_that_everybody_may_read_or_that_nobody_reads_are_told(secrets: Path) -> None:
    put(secrets, "mla_database_url", URL, 0o604)
    put(secrets, "mla_databse_url", URL)
    put(secrets, "other", "not ours", 0o644)
    readable, strange = exposed(secrets)
    assert readable.startswith(
        f"Every user of this machine may read the secret {secrets / 'mla_database_url'}"
    )
    assert strange == f"The file {secrets / 'mla_databse_url'} is named like no setting and changes nothing"
    assert "hunter2" not in readable + strange
    assert exposed(None) == []


def test_settings_shown_whole_show_no_secret() -> None:
    settings = Settings(database_url=URL)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_that_is_named_like_a_secret_is_marked_as_one(name: str) -> None:
    sounds = name == "database_url" or name.endswith(("_key", "_keys", "_secret", "_password", "_token"))
    assert (name in secret_names()) >= sounds
    assert Settings.model_fields[name].repr is (name not in secret_names())


@pytest.mark.parametrize(
    "hosts",
    ["https://mla.example", "mla.example:8000", "mla.example/x", "a*.example", "", "mla..example/", "*.*"],
)
def test_what_is_no_name_of_a_host_is_refused(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLA_ALLOWED_HOSTS", hosts)
    if not hosts:
        assert load_settings().hosts[0] == "127.0.0.1", "empty is as if it were not set"
        return
    with pytest.raises(CannotRun, match="MLA_ALLOWED_HOSTS"):
        load_settings()


@pytest.mark.parametrize("hosts", ["*", "mla.example", "*.justice.example,mla.example", "[::1] 10.0.0.7"])
def test_names_of_hosts_are_taken(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLA_ALLOWED_HOSTS", hosts)
    assert load_settings().hosts == tuple(hosts.replace(",", " ").split())


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.1/8", "10.0.0"])
def test_a_proxy_is_an_address_or_a_network_and_never_everybody(
    proxies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLA_TRUSTED_PROXIES", proxies)
    with pytest.raises(CannotRun, match="MLA_TRUSTED_PROXIES"):
        load_settings()
