"""Figures for whoever runs it: what they say, who reads them, and that the page lists all of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from mla_tracker.api.app import create_app
from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.cli.fitness import readiness
from mla_tracker.commands.jobs import Outcome, Run, run_slot
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.sealing import seal
from mla_tracker.queries import figures as installation
from mla_tracker.scheduler.jobs import intervals, scheduled_jobs
from mla_tracker.scheduler.measures import JobMeasures
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import DatabaseBusy
from tests.builders.api import ADDRESS, NOW, SETTINGS, Present
from tests.builders.counted import a_case, as_owner, with_shipped_limits
from tests.builders.forgetting import closed_case
from tests.builders.keys import the_keys
from tests.builders.register import account

TOKEN = "for-the-scraper-alone"
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
OF_THE_INSTALLATION = "mla_(figures|installation|backlog|overdue|audit)_"


@pytest.fixture
async def scraped(db: Database, present: Present) -> AsyncIterator[httpx.AsyncClient]:
    """An installation whose operator has set a token for the figures; the client shows it."""
    settings = SETTINGS.model_copy(update={"metrics_token": TOKEN})
    http = HttpMetrics()
    http.registry.register(db.measures)
    jobs = JobMeasures(http.registry)
    jobs.observe(
        Run("sweep", NOW, 1, Outcome.DONE, 0.1, 2, {"by_kind": {"overdue": 3}, "mails": {"sent": 1}})
    )
    jobs.not_claimed("sweep")
    app = create_app(db, settings, now=present, http_metrics=http, job_intervals=intervals(settings))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as client:
        yield client


async def families(client: httpx.AsyncClient) -> Mapping[str, Metric]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def values(family: Metric, label: str) -> Mapping[str, float]:
    return {sample.labels[label]: sample.value for sample in family.samples}


async def an_overdue_case(db: Database) -> None:
    """Received by Spain long ago and never answered: some duties of law, and some of our policy."""
    await with_shipped_limits(db)
    case = a_case().under(convention="eio").between("FR", "ES")
    await case.then("sent", "2025-03-02").then("received", "2025-03-05").logged(db, await account(db, "FR"))


async def test_every_figure_is_on_the_page_with_its_type_and_labels_and_no_other(
    db: Database, scraped: httpx.AsyncClient
) -> None:
    await an_overdue_case(db)
    await as_owner(db, "update request set stale_since = $1", NOW)
    await run_slot(db, *SWEEP, node="a", now=NOW)
    await scraped.get("/api/v1/me")
    await seal(db, NOW)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\|", PAGE.read_text(), re.M)
    listed = {
        (name, kind, frozenset(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", labels))))
        for name, kind, labels in rows
    }
    exposed = {
        (
            f"{name}_total" if family.type == "counter" else name,
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
        )
        for name, family in (await families(scraped)).items()
        if not name.startswith(("process_", "python_")) and not name.endswith("_created")
    }
    assert listed == exposed
    _, of_the_installation = PAGE.read_text().split("## Of the installation")
    for name, _, _ in rows:
        assert (f"| `{name}`" in of_the_installation) is bool(re.match(OF_THE_INSTALLATION, name))
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert not re.search(r"milli|minute|hour|_days|_ms\b|_kb", name), "seconds and bytes are the units"


async def _sweep(db: Database, now: object) -> Mapping[str, object]:
    return {}


SWEEP = ("sweep", timedelta(minutes=1), _sweep)


async def test_overdue_duties_are_counted_by_who_owes_them_and_by_law_or_policy(
    db: Database, scraped: httpx.AsyncClient, present: Present
) -> None:
    await an_overdue_case(db)
    await flag_due(db, NOW)
    found = {
        (sample.labels["country"], sample.labels["basis"]): sample.value
        for sample in (await families(scraped))["mla_overdue_duties"].samples
    }
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select basis <> 'policy' as law, count(*) as number from clock "
            "where effect = 'deadline' and state = 'running' and due_at <= $1 and obligor <> 'requesting' group by 1",
            NOW,
        )
    expected = {("ES", "law" if row["law"] else "policy"): row["number"] for row in rows}
    assert ("ES", "law") in expected
    assert {key: number for key, number in found.items() if key[0] == "ES"} == expected
    assert {country for country, _ in found} <= {"ES", "FR"}


async def test_without_the_operators_token_nobody_reads_figures_of_the_installation(
    db: Database, scraped: httpx.AsyncClient, anonymous: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    await an_overdue_case(db)
    for client in (anonymous, morocco):  # an installation where none is set
        text = (await client.get("/metrics")).text
        assert "http_requests_total" in text
        assert not re.search(OF_THE_INSTALLATION, text)
        assert not re.search(r'"[A-Z]{2}"', text)
    for shown in ("", "Bearer", f"Bearer {TOKEN}x", TOKEN, f"bearer {TOKEN}", "Bearer \u00e9"):
        answer = await scraped.get("/metrics", headers=[(b"Authorization", shown.encode())])
        assert (answer.status_code, "mla_" in answer.text) == (401, False)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_nothing_of_a_case_is_in_the_figures(db: Database, scraped: httpx.AsyncClient) -> None:
    await with_shipped_limits(db)
    case = await closed_case(db, await account(db, "MA"))
    text = (await scraped.get("/metrics")).text
    for secret in (str(case), "Ruiz", "An authority", "a bank", TOKEN):
        assert secret not in text


async def test_jobs_are_seen_from_a_node_that_runs_none(
    db: Database, scraped: httpx.AsyncClient, present: Present
) -> None:
    await run_slot(db, *SWEEP, node="a", now=NOW)
    found = await families(scraped)
    assert values(found["mla_installation_job_late"], "job")["sweep"] == 0
    assert values(found["mla_installation_job_last_done_timestamp_seconds"], "job") == {
        "sweep": NOW.timestamp()
    }
    assert set(values(found["mla_installation_job_interval_seconds"], "job")) == {
        job.name for job in scheduled_jobs(SETTINGS)
    }
    present.now = NOW + timedelta(minutes=4, seconds=1)
    assert values((await families(scraped))["mla_installation_job_late"], "job")["sweep"] == 1


async def test_backlogs_tell_how_much_waits_and_since_when(
    db: Database, scraped: httpx.AsyncClient, present: Present
) -> None:
    found = await families(scraped)
    assert set(values(found["mla_backlog_entries"], "queue")) == set(installation.BACKLOGS)
    sealed_before = values(found["mla_backlog_entries"], "queue")["seal"]
    await an_overdue_case(db)
    await as_owner(db, "update request set stale_since = $1", NOW - timedelta(hours=1))
    present.now = NOW + timedelta(hours=1)
    found = await families(scraped)
    entries = values(found["mla_backlog_entries"], "queue")
    age = values(found["mla_backlog_oldest_age_seconds"], "queue")
    assert entries["seal"] > sealed_before
    assert (entries["recount"], age["recount"]) == (1, 7200)
    assert entries["flag"] > 0
    assert age["flag"] > 86_400


async def test_figures_are_read_once_for_any_number_of_scrapes_and_again_after_half_a_minute(
    db: Database, scraped: httpx.AsyncClient, present: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    async def counted(*arguments: object) -> object:
        nonlocal read
        read += 1
        await asyncio.sleep(0.01)
        return await installation.figures(*arguments)  # type: ignore[arg-type] # handed on

    monkeypatch.setattr("mla_tracker.api.installation.figures", counted)
    await asyncio.gather(*(scraped.get("/metrics") for _ in range(5)))
    assert read == 1
    present.now = NOW + timedelta(seconds=29)
    await scraped.get("/metrics")
    assert read == 1
    present.now = NOW + timedelta(minutes=5)  # or longer, had it taken long
    await scraped.get("/metrics")
    assert read == 2


async def test_figures_that_cannot_be_read_are_missing_and_the_others_are_not(
    db: Database, scraped: httpx.AsyncClient
) -> None:
    await as_owner(db, "alter table clock_check rename to elsewhere")
    try:
        found = await families(scraped)
    finally:
        await as_owner(db, "alter table elsewhere rename to clock_check")
    assert found["mla_figures_up"].samples[0].value == 0
    assert "mla_overdue_duties" not in found
    assert "mla_database_pool_connections" in found


async def test_who_waits_for_a_connection_and_who_gets_none_is_counted(database_url: str) -> None:
    async with await Database.open(database_url, pool_size=1, acquire_seconds=0.05, vault=the_keys()) as db:
        async with db.transaction(DbRole.OWNER):
            with pytest.raises(DatabaseBusy):
                await asyncio.create_task(db.ping())
            found = {metric.name: metric for metric in db.measures.collect()}
            assert values(found["mla_database_pool_connections"], "state") == {"idle": 0, "used": 1}
        faults = found["mla_database_pool_acquire_faults"]
        assert {
            sample.labels["reason"]: sample.value
            for sample in faults.samples
            if sample.name.endswith("_total")
        } == {"busy": 1, "unavailable": 0}
        had = next(
            sample
            for sample in found["mla_database_pool_acquire_seconds"].samples
            if sample.name.endswith("_count")
        )
        assert had.value == 2  # when it was opened, and the transaction
        assert found["mla_database_pool_connections_max"].samples[0].value == 1


async def test_a_node_that_runs_no_jobs_is_not_ready_where_the_schedulers_stand_still(db: Database) -> None:
    """One that does has until then to run them itself."""
    await run_slot(db, *SWEEP, node="a", now=NOW - timedelta(hours=1))
    for runs_jobs, fit in ((False, False), (True, True)):
        [*_, jobs] = readiness(SETTINGS, began=NOW, now=lambda: NOW, runs_jobs=runs_jobs)
        async with db.transaction(DbRole.API, read_only=True) as tx:
            finding = await jobs(tx, NOW + timedelta(minutes=1))
        late = "sweep (every minute) last finished slot 2026-03-10 11:00 UTC, is late" in finding.detail
        assert (finding.ok, late) == (fit, not fit)
    # Any scheduler, whichever node it is on, makes all of them ready again.
    await run_slot(db, *SWEEP, node="b", now=NOW + timedelta(minutes=1))
    [*_, jobs] = readiness(SETTINGS, began=NOW, now=lambda: NOW, runs_jobs=False)
    async with db.transaction(DbRole.API, read_only=True) as tx:
        assert (await jobs(tx, NOW + timedelta(minutes=2))).ok
