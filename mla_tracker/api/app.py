"""The ASGI application: all routes in one list, what every handler may ask for, and the edge around it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from litestar import Litestar, Request, Response, Router
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from mla_tracker.api import (
    account,
    account_tokens,
    accounts,
    agreements,
    audit,
    auth,
    calendar_feeds,
    calendar_versions,
    calendars,
    changes,
    clocks,
    conditional,
    conventions,
    deadlines,
    directory,
    documentation,
    events,
    exports,
    flags,
    governing,
    health,
    imports,
    limits,
    metrics,
    notes,
    notifications,
    persons,
    policies,
    problems,
    readers,
    reports,
    requests,
    retention,
    statistics,
    webhooks,
)
from mla_tracker.api.edge import Edge, Hosts
from mla_tracker.api.health import Check
from mla_tracker.api.installation import InstallationFigures
from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.api.rates import Rates
from mla_tracker.api.routes import MAX_BODY, marked, read_body
from mla_tracker.domain.actors import Actor
from mla_tracker.outbound.identity import IdentityProvider
from mla_tracker.settings import Settings
from mla_tracker.storage.clock_watch import ClockWatch
from mla_tracker.storage.database import Database
from mla_tracker.storage.idempotency import IdempotencyKey
from mla_tracker.storage.replica import Figures

PREFIX: Final = "/api/v1"

ROUTES: Final[Sequence[HTTPRouteHandler]] = [
    account.read_me,
    notifications.read_notifications,
    notifications.set_notifications,
    notifications.confirm_notifications,
    notifications.remove_notifications,
    calendar_feeds.read_calendar_of_mine,
    calendar_feeds.read_feed,
    calendar_feeds.make_feed,
    calendar_feeds.end_feed,
    calendar_feeds.read_calendar_feed,
    accounts.open_account,
    accounts.list_accounts,
    accounts.read_account,
    accounts.change_account,
    accounts.disable_account,
    account_tokens.issue_token,
    account_tokens.list_tokens,
    account_tokens.rotate_token,
    account_tokens.revoke_token,
    agreements.record_agreement,
    agreements.list_agreements,
    agreements.read_agreement,
    agreements.change_agreement,
    agreements.record_agreement_event,
    agreements.void_agreement_event,
    audit.list_entries,
    audit.read_checkpoint,
    audit.prove_entry,
    calendars.read_calendar,
    calendars.set_calendar,
    calendar_versions.list_calendar_versions,
    calendar_versions.list_calendar_moves,
    changes.list_changes,
    clocks.list_clocks,
    conventions.list_conventions,
    conventions.read_convention,
    deadlines.count_deadline,
    events.record_event,
    events.list_events,
    events.void_event,
    readers.list_readers,
    readers.name_reader,
    readers.unname_reader,
    flags.list_flags,
    flags.acknowledge,
    limits.list_limits,
    limits.read_limit,
    policies.set_policy,
    reports.read_sla,
    reports.read_ageing,
    statistics.read_statistics,
    statistics.list_counted_requests,
    statistics.restate_opening,
    statistics.list_opening_balances,
    governing.read_governing_agreement,
    requests.log_request,
    requests.list_requests,
    requests.read_request,
    requests.amend_request,
    requests.read_clocks,
    persons.record_person,
    persons.list_persons,
    persons.read_person,
    persons.change_person,
    persons.erase_person,
    notes.record_note,
    notes.list_notes,
    notes.erase_note,
    retention.read_retention,
    retention.set_retention,
    webhooks.create_webhook,
    webhooks.list_webhooks,
    webhooks.read_webhook,
    webhooks.change_webhook,
    webhooks.delete_webhook,
    webhooks.rotate_webhook_secret,
    webhooks.list_deliveries,
    webhooks.resend_delivery,
    imports.hand_in_import,
    imports.list_imports,
    imports.read_import,
    imports.read_refused,
    exports.export_requests,
    exports.export_agreements,
    exports.export_directory,
    directory.record_directory_entry,
    directory.list_directory,
]
"""Every route below the prefix. Add yours here."""

OUTSIDE: Final[Sequence[HTTPRouteHandler]] = [
    health.health_live,
    health.health_ready,
    metrics.read_metrics,
    documentation.documentation_page,
    documentation.to_documentation,
    documentation.favicon,
    documentation.read_contract,
    documentation.documentation_file,
    documentation.problem_index,
    documentation.problem_page,
]
"""Every route without the prefix."""

READY_CHECKS: Final[Sequence[Check]] = []
"""What /health/ready asks besides the database itself."""


def create_app(
    database: Database,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    clock: ClockWatch | None = None,
    ready_checks: Sequence[Check] = READY_CHECKS,
    http_metrics: HttpMetrics | None = None,
    job_intervals: Mapping[str, timedelta] | None = None,
) -> ASGIApp:
    """The application on an open database. `now` gives the present as an aware UTC instant.

    While `clock` finds it wrong, no call that needs an account is let in.
    `job_intervals`: the jobs of the installation, whichever node runs them, for its figures.
    """
    figures = http_metrics or HttpMetrics()
    reports_from = figures_of(database, settings, figures)
    router = Router(PREFIX, route_handlers=[marked(handler) for handler in ROUTES])
    app = Litestar(
        [router, *(marked(handler) for handler in OUTSIDE)],
        openapi_config=None,
        debug=False,
        logging_config=None,
        guards=[auth.guard],
        before_request=answer_options,
        exception_handlers={Exception: problems.answer_problem},
        request_max_body_size=MAX_BODY,
        # Each asks for the one before: what stands side by side Litestar provides in tasks, each costlier than it all.
        dependencies={
            "database": Provide(lambda: database, sync_to_thread=False),
            "settings": Provide(provide_settings, sync_to_thread=False),
            "now": Provide(provide_now, sync_to_thread=False),
            "actor": Provide(provide_actor, sync_to_thread=False),
            "credential": Provide(provide_credential, sync_to_thread=False),
            "if_match": Provide(provide_if_match, sync_to_thread=False),
            "idempotency": Provide(provide_idempotency),
        },
        on_shutdown=[auth.settle, reports_from.close],
    )
    app.state.database = database
    app.state.figures = reports_from
    app.state.settings = settings
    app.state.identity = provider_of(settings)
    app.state.now = now
    app.state.clock = clock
    app.state.ready_checks = list(ready_checks)
    app.state.metrics = figures
    app.state.installation = InstallationFigures(job_intervals or {})
    app.state.rates = rates_of(database, settings)
    return Edge(app, figures, Hosts(settings.hosts))


def figures_of(database: Database, settings: Settings, metrics: HttpMetrics) -> Figures:
    """Where reports are read: from a replica, if there is one."""
    url = settings.replica_url

    async def open_replica() -> Database:
        assert url is not None
        return await Database.open(
            url, pool_size=settings.pool_size, statement_cache=settings.statement_cache
        )

    most_lag = timedelta(seconds=settings.replica_lag_seconds)
    return Figures(database, open_replica if url else None, most_lag=most_lag, registry=metrics.registry)


def rates_of(database: Database, settings: Settings) -> Rates:
    """How often somebody may call this node."""
    return Rates(database, calls=settings.calls_per_minute, failures=settings.failures_per_minute)


def provider_of(settings: Settings) -> IdentityProvider | None:
    """The identity provider whose tokens are taken, if there is one."""
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    return IdentityProvider(settings.oidc_issuer, settings.oidc_audience, settings.oidc_algorithm)


async def answer_options(request: Request[Any, Any, Any]) -> Response[None] | None:
    """OPTIONS with all methods of the path: Litestar's own answer knows only those that were registered first."""
    if request.method != "OPTIONS":
        return None
    template = request.scope["path_template"]
    methods = next(route.methods for route in request.app.routes if route.path_format == template)
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})


def provide_settings(request: Request[Any, Any, Any], database: NamedDependency[Database]) -> Settings:
    """The settings of this process."""
    settings: Settings = request.app.state.settings
    return settings


def provide_actor(request: Request[Any, Any, Any], now: NamedDependency[datetime]) -> Actor:
    """The account that calls."""
    return auth.actor_of(request)


def provide_credential(request: Request[Any, Any, Any], actor: NamedDependency[Actor]) -> auth.Credential:
    """What the account has shown."""
    return auth.credential_of(request)


def provide_now(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> datetime:
    """The one present of a request, read when it was let in."""
    now: datetime = request.state.now
    return now


def provide_if_match(request: Request[Any, Any, Any], actor: NamedDependency[Actor]) -> frozenset[int] | None:
    """The versions that the change may be based on; None for any."""
    return conditional.expected_versions(request.headers.get("If-Match"))


async def provide_idempotency(
    request: Request[Any, Any, Any], actor: NamedDependency[Actor]
) -> IdempotencyKey | None:
    """The caller's key for this write, bound to its account, route, path and body. Raises the 400 problem."""
    key = conditional.idempotency_key(request.headers.get("Idempotency-Key"))
    if key is None:
        return None
    path = request.scope["path"].encode()
    digest = hashlib.sha256(path + b"\n" + await read_body(request)).digest()
    return IdempotencyKey(actor.account_id, f"{request.method} {request.scope['path_template']}", key, digest)
