"""What operators copy from deploy/ fits the program: names, settings, figures, rights; other tools check more."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and the lock has none for it

from mla_tracker.cli import app
from mla_tracker.settings import Settings
from tests.builders.programs import absent, environment

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
FUNCTIONS = {
    "absent", "and", "by", "histogram_quantile", "instance", "le", "max", "or", "rate", "sum", "time",
    "exported_job",
}  # fmt: skip


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def rules() -> list[Mapping[str, Any]]:
    return [rule for group in read("alerts.yml")["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_figures_that_there_are_and_says_what_to_do(rule: Mapping[str, Any]) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    asked = re.sub(r'"[^"]*"|\{[^}]*\}|\[\w+\]', "", rule["expr"])
    names = set(re.findall(r"[a-z_]{2,}", asked)) - FUNCTIONS
    assert names
    for name in names - {"up", "mla_backup_last_success_timestamp_seconds"}:
        assert name.startswith("process_") or f"`{name.removesuffix('_bucket')}`" in page, name
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "action"}
    for queue in re.findall(r'queue="(\w+)"', rule["expr"]):
        assert f"`{queue}`" in page


def test_the_alerts_are_what_prometheus_takes() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        absent("promtool is not installed (Debian: prometheus)")
    for question in (("rules", "alerts.yml"), ("config", "--syntax-only", "prometheus.yml")):
        subprocess.run([promtool, "check", *question], cwd=DEPLOY, check=True, capture_output=True)


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("*")), ids=lambda path: path.name)
def test_settings_and_commands_that_are_named_exist(file: Path) -> None:
    if not file.is_file() or "secrets" in file.parts:
        return
    text = file.read_text()
    known = {f"MLA_{name.upper()}" for name in Settings.model_fields} | {"MLA_BACKUPS"}
    assert set(re.findall(r"\bMLA_[A-Z_]+\b", text)) <= known
    commands = set(app)
    for command in re.findall(r"^ExecStart=\S+/mla-tracker ([a-z-]+)", text, re.M):
        assert command in commands
    for secret in re.findall(r"(?:target: |LoadCredential=)(mla_\w+)", text):
        assert secret.upper() in known


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_runs_as_a_user_without_rights_and_gets_its_secrets_as_files(unit: Path) -> None:
    text = unit.read_text()
    lines = set(text.splitlines())
    for wanted in (
        "User=mla-tracker", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "PrivateTmp=yes",
        "ProtectHome=yes", "LimitCORE=0", "UMask=0077", "Environment=MLA_SECRETS_DIR=%d MLA_KEYS_DIR="
        "/etc/mla-tracker/keys MLA_DATA_DIR=/var/lib/mla-tracker",
    ):  # fmt: skip
        assert wanted in lines, wanted
    assert "MLA_DATABASE_URL" not in text
    assert "mla_database_url:" in text


def test_the_units_are_what_systemd_takes_and_it_finds_them_little_exposed(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/mla-tracker/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(text)
    files = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for unit in SERVICES:
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(tmp_path / unit.name)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_every_container_of_ours_is_without_rights_on_a_file_system_that_is_read_only() -> None:
    composed = read("compose.yml")
    ours = {name: one for name, one in composed["services"].items() if name != "db"}
    assert set(ours) == {"migrate", "api", "scheduler", "operator"}
    for one in composed["services"].values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        for secret in one["secrets"]:
            assert (secret["source"] if isinstance(secret, dict) else secret) in composed["secrets"]
        for volume in one["volumes"]:
            name = volume.split(":")[0]
            assert name.startswith((".", "$")) or name in composed["volumes"]
    for one in ours.values():
        assert one["user"] == "10001:10001"
        assert set(app) >= {one["command"][0]}
        assert "privileged" not in one
    for name in ("api", "scheduler"):
        assert ours[name]["secrets"][0]["source"] == "runtime_database_url", "what serves owns nothing"
        assert "keys:/keys:ro" in ours[name]["volumes"]
    assert composed["networks"]["inside"]["internal"] is True
    assert [one for one in composed["services"].values() if "ports" in one] == [ours["api"]]
    assert ours["api"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_image_is_made_of_pinned_packages_and_runs_as_a_user_that_owns_nothing() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    final = text.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in final
    assert "--no-deps --require-hashes -r requirements.lock" in text
    assert "--no-deps --no-build-isolation" in text
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M):
        for name in source.split():
            assert (ROOT / name).exists(), name
    command = yaml.safe_load(re.findall(r"^CMD (\[.+\])$", final, re.M)[-1])
    assert command[0] in set(app)
    looks = yaml.safe_load(re.findall(r"^HEALTHCHECK .+\\\n +CMD (\[.+\])$", final, re.M)[0])
    assert read("compose.yml")["services"]["api"]["healthcheck"]["test"] == ["CMD", *looks]


def test_secrets_are_made_once_and_are_no_guess(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "make-secrets.sh", tmp_path)
    subprocess.run([script], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(read("compose.yml")["secrets"])
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert len({made[f"{name}_password"] for name in ("postgres", "owner", "runtime")}) == 3
    assert all(len(value) >= 48 for value in made.values())
    Settings(database_url=made["owner_database_url"], metrics_token=made["metrics_token"])
    again = subprocess.run([script], capture_output=True, text=True, check=False)
    assert (again.returncode, "already" in again.stderr) == (1, True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def test_who_operates_it_has_the_settings_of_the_units_and_the_login_that_owns(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "owner_database_url").write_text("postgresql://mla_owner:x@host/mla\n")
    (tmp_path / "environment").write_text(
        "# of all units\nMLA_TRUSTED_PROXIES=10.0.0.7, 10.1.0.0/24\nMLA_PORT=8015"
    )
    text = (DEPLOY / "mla-tracker").read_text()
    asks, taken = text.partition("exec setpriv --reuid=mla-tracker --regid=mla-tracker --init-groups ")[::2]
    assert taken == '/opt/mla-tracker/.venv/bin/mla-tracker "$@"\n'
    script = asks.replace("/etc/mla-tracker", str(tmp_path)) + "umask; exec env"

    def told(**given: str) -> set[str]:
        return set(
            subprocess.check_output(["sh", "-c", script], env=environment(**given), text=True).splitlines()
        )

    assert told() >= {
        "0077", "HOME=/var/lib/mla-tracker",
        "MLA_TRUSTED_PROXIES=10.0.0.7, 10.1.0.0/24", "MLA_PORT=8015", f"MLA_KEYS_DIR={tmp_path}/keys",
        "MLA_DATABASE_URL=postgresql://mla_owner:x@host/mla", "MLA_RECORD_KEYS_FILE=/var/lib/mla-tracker/record-keys",
    }  # fmt: skip
    assert "MLA_DATABASE_URL=postgresql://host/new" in told(MLA_DATABASE_URL="postgresql://host/new")
    assert "MLA_PORT=9000" in told(MLA_PORT="9000")
    unit = (DEPLOY / "systemd" / "mla-tracker-backup.service").read_text()
    for name, value in re.findall(r"(MLA_(?:KEYS_DIR|DATA_DIR|RECORD_KEYS_FILE))=(/\S+)", unit):
        assert f'"${{{name}:={value}}}"' in text
