"""Commands that stay: the API with or without the scheduler, and the scheduler alone."""

import asyncio
import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager, nullcontext
from types import FrameType
from typing import Annotated

import uvicorn
from cyclopts import App, Parameter
from uvicorn.server import HANDLED_SIGNALS

from mla_tracker import logs, tracing
from mla_tracker.cli.opening import now, ready, tell
from mla_tracker.settings import Settings, exposed, load_settings
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database
from mla_tracker.storage.errors import CannotRun

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
        asyncio.run(_serve(settings, listener, run_scheduler=run_scheduler))
    tell("Stopped.")


def scheduler() -> None:
    """Run the scheduled jobs without the API; any number of these may run at once."""
    settings = load_settings()
    logs.configure(settings)
    _warn_of_secrets(settings)
    with traced(settings):
        asyncio.run(_schedule(settings))
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
    async with ready(settings) as database:
        await serve_until_stopped(database, settings, listener, run_scheduler=run_scheduler)


async def serve_until_stopped(
    database: Database, settings: Settings, listener: socket.socket, *, run_scheduler: bool
) -> None:
    """Serve until SIGINT or SIGTERM, then let what runs come to its end."""
    from mla_tracker.api.app import create_app
    from mla_tracker.api.metrics import HttpMetrics
    from mla_tracker.cli.fitness import readiness
    from mla_tracker.cli.http_server import server_config
    from mla_tracker.scheduler.jobs import intervals, scheduled_jobs
    from mla_tracker.scheduler.measures import JobMeasures
    from mla_tracker.scheduler.running import scheduling

    figures = HttpMetrics()
    figures.registry.register(database.measures)
    checks = readiness(settings, began=now(), runs_jobs=run_scheduler)
    if settings.host in EVERYWHERE and not settings.allowed_hosts:
        tell(
            f"Listening on every address, but answering only calls to {', '.join(settings.hosts)}. "
            "Set MLA_ALLOWED_HOSTS to the names by which the API is called."
        )
    application = create_app(
        database,
        settings,
        now=now,
        ready_checks=checks,
        http_metrics=figures,
        job_intervals=intervals(settings),
    )
    async with AsyncExitStack() as stack:
        if run_scheduler:
            measures = JobMeasures(figures.registry)
            await stack.enter_async_context(
                scheduling(database, scheduled_jobs(settings), now=now, measures=measures)
            )
        await _Server(server_config(application, settings), address(settings)).serve(sockets=[listener])
        tell("Stopping: letting what runs come to its end ...")


class _Server(uvicorn.Server):
    """uvicorn raises the signal that stopped it once more when it is done; we have things to stop after it."""

    def __init__(self, config: uvicorn.Config, where: str) -> None:
        super().__init__(config)
        self._where = where

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so only when it is true."""
        await super().startup(sockets=sockets)
        tell(f"Serving {self._where} (the documentation is at {self._where}/schema). Ctrl-C stops it.")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while serving, and put back who took them before."""
        before = {number: signal.signal(number, self._take) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


async def _schedule(settings: Settings) -> None:
    from mla_tracker.scheduler.running import run_scheduler

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with ready(settings) as database:
        tell("Running the scheduled jobs. Ctrl-C stops it.")
        await run_scheduler(database, settings, now=now, stop=stop)
        tell("Stopping: letting what runs come to its end ...")
