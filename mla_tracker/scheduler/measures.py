"""Figures of the jobs for Prometheus. No country, no id, no name of a person is ever a label."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mla_tracker.commands.jobs import Outcome, Run

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class JobMeasures:
    """Runs, durations, last successes, missed slots and flags raised, in the given registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._runs = Counter(
            "mla_job_runs", "Runs of jobs by how they ended.", ["job", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "mla_job_duration_seconds",
            "Seconds that a run took.",
            ["job"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._last_success = Gauge(
            "mla_job_last_success_timestamp_seconds",
            "Slot of the newest run that this process finished.",
            ["job"],
            registry=self.registry,
        )
        self._missed = Counter(
            "mla_job_slots_missed", "Slots that nobody ran.", ["job"], registry=self.registry
        )
        self._faults = Counter(
            "mla_job_claim_faults",
            "Times that the database could not be asked for work.",
            ["job"],
            registry=self.registry,
        )
        self._raised = Counter(
            "mla_flags_raised", "Flags raised by sweeps.", ["kind"], registry=self.registry
        )

        self._mails = Counter(
            "mla_mails", "Mails by what became of them.", ["outcome"], registry=self.registry
        )

    def observe(self, run: Run) -> None:
        """Count one run."""
        self._runs.labels(run.job, run.outcome.value).inc()
        self._seconds.labels(run.job).observe(run.seconds)
        self._missed.labels(run.job).inc(run.missed)
        if run.outcome is Outcome.DONE:
            self._last_success.labels(run.job).set(run.slot.timestamp())
        for kind, number in run.result.get("by_kind", {}).items():
            self._raised.labels(str(kind)).inc(number)
        for outcome, number in run.result.get("mails", {}).items():
            self._mails.labels(str(outcome)).inc(number)

    def not_claimed(self, job: str) -> None:
        """Count a look for work that the database did not answer."""
        self._faults.labels(job).inc()
