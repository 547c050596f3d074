"""Commands that stay: the API with or without the scheduler, and the scheduler alone."""

import asyncio
import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import uvicorn
from cyclopts import App, Parameter

from mla_tracker import logs, tracing
from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready, tell
from mla_tracker.settings import Settings, exposed, load_settings
from mla_tracker.storage import embedded
from mla_tracker.storage.clock_watch import ClockWatch
from mla_tracker.storage.database import Database
from mla_tracker.storage.errors import CannotRun

if TYPE_CHECKING:  # the API takes a while to import, and few commands need it
    from mla_tracker.api.metrics import HttpMetrics
    from mla_tracker.cli.stopping import Stop
    from mla_tracker.scheduler.jobs import Job

EVERYWHERE = ("0.0.0.0", "::")


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(serve)
    app.command(scheduler)


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    run_scheduler: Annotated[bool, Parameter(name="--scheduler", negative="--no-scheduler")] = True,
) -> None:
    """Serve the API, and run the scheduled jobs in the same process.

    Parameters
    ----------
    host
        Address to listen on; else MLA_HOST, else 127.0.0.1.
    port
        Port to listen on; else MLA_PORT, else 8000.
    run_scheduler
        Whether the scheduled jobs run here too.
    """
    settings = load_settings(host=host, port=port)
    logs.configure(settings)
    _warn_of_secrets(settings)
    with alone(settings), listening(settings) as listener, traced(settings):
        run(_serve(settings, listener, run_scheduler=run_scheduler))
    tell("Stopped.")


def scheduler() -> None:
    """Run the scheduled jobs without the API; any number of these may run at once."""
    settings = load_settings()
    logs.configure(settings)
    _warn_of_secrets(settings)
    with traced(settings):
        run(_schedule(settings))
    tell("Stopped.")


def traced(settings: Settings) -> AbstractContextManager[None]:
    """Traces are sent while the block runs, if the settings say where to; else OpenTelemetry is not even imported."""
    if settings.traces_url is None:
        return nullcontext()
    from mla_tracker.tracing_otlp import OtlpTracer

    return tracing.exporting(OtlpTracer(settings.traces_url, settings.traces_share))


def _warn_of_secrets(settings: Settings) -> None:
    for sentence in exposed(settings.secrets_dir):
        tell(f"{sentence}.")


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """With the private database one process serves; with a server of your own any number may."""
    guard = (
        embedded.only_server(settings.data_dir, address(settings))
        if settings.database_url is None
        else nullcontext()
    )
    with guard:
        yield


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket that the API is served on, bound before anything is started. Raises CannotRun if it is taken."""
    where = f"{settings.host} port {settings.port}"
    try:
        family, kind, protocol, _, bound = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CannotRun(
            f"Cannot listen on {where}: the host is not known ({error}). Set MLA_HOST or --host."
        ) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(bound)
            listener.listen(2048)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotRun(
                    f"Port {settings.port} of {settings.host} is in use by another program. "
                    "Stop that one, or choose another port with --port or MLA_PORT."
                ) from error
            raise CannotRun(
                f"Cannot listen on {where}: {error.strerror}. Choose others with --host, --port."
            ) from error
        listener.setblocking(False)
        yield listener


def address(settings: Settings) -> str:
    """Where the API is reached."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


async def _serve(settings: Settings, listener: socket.socket, *, run_scheduler: bool) -> None:
    async with ready(settings, stays=True) as database:
        await serve_until_stopped(database, settings, listener, run_scheduler=run_scheduler)


async def serve_until_stopped(
    database: Database, settings: Settings, listener: socket.socket, *, run_scheduler: bool
) -> None:
    """Serve until SIGINT or SIGTERM, then let what runs come to its end; a second signal breaks it off."""
    from mla_tracker.api.files.reading import read_rows
    from mla_tracker.api.metrics import HttpMetrics
    from mla_tracker.cli.stopping import Stop, unless_forced
    from mla_tracker.scheduler.jobs import scheduled_jobs

    if settings.host in EVERYWHERE and not settings.allowed_hosts:
        tell(
            f"Listening on every address, but answering only calls to {', '.join(settings.hosts)}. "
            "Set MLA_ALLOWED_HOSTS to the names by which the API is called."
        )
    stop, figures, clock = Stop(), HttpMetrics(), ClockWatch(database, now)
    figures.registry.register(database.measures)

    async def work() -> None:
        wanted = scheduled_jobs(settings, read_rows) if run_scheduler else ()
        jobs = asyncio.create_task(_jobs_until_stopped(database, wanted, stop, figures, clock))
        try:
            await _answer_until_stopped(
                database, settings, listener, stop, figures, clock, runs_jobs=run_scheduler
            )
        finally:
            stop.asked.set()
            await jobs

    await unless_forced(work(), stop)


async def _answer_until_stopped(
    database: Database,
    settings: Settings,
    listener: socket.socket,
    stop: "Stop",
    figures: "HttpMetrics",
    clock: ClockWatch,
    *,
    runs_jobs: bool,
) -> None:
    from mla_tracker.api.app import create_app
    from mla_tracker.cli.fitness import readiness
    from mla_tracker.cli.http_server import server_config
    from mla_tracker.cli.stopping import LastCalls
    from mla_tracker.scheduler.jobs import intervals

    checks = [stop.check(), *readiness(settings, began=now(), now=now, runs_jobs=runs_jobs)]
    application = create_app(
        database,
        settings,
        now=now,
        clock=clock,
        ready_checks=checks,
        http_metrics=figures,
        job_intervals=intervals(settings),
    )
    server = _Server(server_config(LastCalls(application, stop), settings), address(settings))
    leaving = asyncio.create_task(_leave(server, stop, settings.stop_pause_seconds))
    try:
        await server.serve(sockets=[listener])
    finally:
        leaving.cancel()


async def _leave(server: uvicorn.Server, stop: "Stop", pause: float) -> None:
    """Stopping is asked for: be taken out of the balancer first, if there is one, and close the door after that."""
    await stop.asked.wait()
    if pause:
        tell(f"Stopping in {pause:g} seconds: /health/ready says so meanwhile. Once more stops at once.")
        await stop.pause(pause)
    tell("Stopping: letting what runs come to its end ...")
    server.should_exit = True
    await stop.forced.wait()
    server.force_exit = True


async def _jobs_until_stopped(
    database: Database, wanted: "Sequence[Job]", stop: "Stop", figures: "HttpMetrics", clock: ClockWatch
) -> None:
    """No new job is begun from the moment stopping is asked for."""
    from mla_tracker.scheduler.measures import JobMeasures
    from mla_tracker.scheduler.running import scheduling

    if not wanted:
        return
    measures = JobMeasures(figures.registry)
    async with scheduling(database, wanted, now=now, clock=clock, measures=measures):
        await stop.asked.wait()


class _Server(uvicorn.Server):
    """uvicorn, but for the signals, which are for the whole process, and for how the door is closed."""

    def __init__(self, config: uvicorn.Config, where: str) -> None:
        super().__init__(config)
        self._where = where

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so only when it is true."""
        await super().startup(sockets=sockets)
        tell(f"Serving {self._where} (the documentation is at {self._where}/schema). Ctrl-C stops it.")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let in who has been accepted, close the door, and answer what has come."""
        from mla_tracker.cli.stopping import close_door

        if not self.force_exit:
            for listener in sockets or ():
                await close_door(listener)
        for server in self.servers:
            server.close()
        await asyncio.sleep(0.05)  # who was let in last becomes a connection
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to who stops the process."""
        yield


async def _schedule(settings: Settings) -> None:
    from mla_tracker.api.files.reading import read_rows
    from mla_tracker.cli.stopping import Stop, unless_forced
    from mla_tracker.scheduler.jobs import scheduled_jobs
    from mla_tracker.scheduler.running import run_scheduler

    stop = Stop()

    async def work() -> None:
        async with ready(settings, stays=True) as database:
            tell("Running the scheduled jobs. Ctrl-C stops it.")
            await run_scheduler(
                database,
                settings,
                now=now,
                clock=ClockWatch(database, now),
                stop=stop.asked,
                jobs=scheduled_jobs(settings, read_rows),
            )

    async def told() -> None:
        await stop.asked.wait()
        tell("Stopping: letting what runs come to its end ...")

    telling = asyncio.create_task(told())
    await unless_forced(work(), stop)
    telling.cancel()
