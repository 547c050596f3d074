"""Loads the limits that ship: a TOML file per family of instruments, every row with source and evidence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from mla_tracker.catalogue.neighbours import region_names
from mla_tracker.catalogue.toml_tables import CatalogueError, Table, parse, toml_files
from mla_tracker.domain.acts import OF_KIND
from mla_tracker.domain.limits import Conditions, ExtensionRule, Figure, Limit, PauseRule, Span, Trigger
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Basis,
    Circumstance,
    Effect,
    Obligor,
    RequestKind,
    Stage,
    Tier,
    Unit,
    Urgency,
)

DAYS_OR_LONGER = frozenset({Unit.DAYS, Unit.WEEKS, Unit.MONTHS, Unit.YEARS})
WORKING_TIME = frozenset({Unit.WORKING_DAYS, Unit.WORKING_HOURS, Unit.WORKING_MINUTES, Unit.WORKING_SECONDS})
# What each counting rule can count. Regulation 1182/71 speaks of hours (Art. 3(1)) and of working days
# (Art. 3(3)), not of minutes; a rule that counts days has nothing to say about an hour.
COUNTS: Mapping[str, frozenset[Unit]] = {
    "calendar": DAYS_OR_LONGER,
    "eu-1182-71": DAYS_OR_LONGER | {Unit.HOURS, Unit.WORKING_DAYS},
    "roll-forward": DAYS_OR_LONGER,
    "inclusive": DAYS_OR_LONGER,
    "instants": frozenset({Unit.MINUTES, Unit.HOURS}),
    "working-days": WORKING_TIME,
}
# V: the wording was read; T: only a national transposition or a quotation of it; M: from memory;
# own: a target of ours, there is no law to read.
EVIDENCE = ("V", "T", "M", "own")
# Dates on the request itself that a limit can take the place of a number from.
REQUEST_DATES = ("wished_by",)
# Kinds of request that the record does not know yet: a limit for one of them cannot be ready.
LATER_KINDS = frozenset({"spontaneous_information", "controlled_delivery"})
WORDINGS = ("runs_from", "condition", "extension", "on_expiry", "note")


@dataclass(frozen=True, slots=True)
class LimitEntry:
    """A limit as its file has it. One that is not `ready` runs no clock; `lacks` says why.

    `later_kinds`: kinds of request that it is for and that the record does not know yet.
    """

    limit: Limit
    file: str
    ready: bool
    lacks: str | None = None
    later_kinds: frozenset[str] = frozenset()


@cache
def load_limits() -> tuple[Limit, ...]:
    """All shipped limits that are ready to run clocks, in the order of files and rows; read once.

    Raises CatalogueError for a file that cannot be meant so.
    """
    return tuple(entry.limit for entry in load_entries() if entry.ready)


def load_entries(folder: Traversable | None = None) -> tuple[LimitEntry, ...]:
    """All rows of all files of the folder (that of the package if None), whether ready or not."""
    entries = [
        entry
        for file in toml_files(folder or resources.files("mla_tracker.catalogue") / "limits")
        for entry in read_limits(file.read_text(encoding="utf-8"), file=file.name)
    ]
    _refuse_duplicates(entries)
    return tuple(entries)


def read_limits(text: str, *, file: str) -> tuple[LimitEntry, ...]:
    """The rows of one file. A `[defaults]` table gives what all its rows share and a row does not say itself.

    Raises CatalogueError naming the file and the id of the row.
    """
    whole = parse(text, file=file)
    defaults = whole.table("defaults") or Table({}, file)
    if defaults.has("id"):
        raise whole.error("defaults cannot hold an id, which belongs to one limit.")
    rows = whole.tables("limit")
    whole.finish()
    entries = tuple(
        _entry(row.over(defaults, f"{file}, limit {row.text_or_none('id') or f'number {number}'}"), file)
        for number, row in enumerate(rows, start=1)
    )
    _refuse_duplicates(entries)
    return entries


def _refuse_duplicates(entries: Iterable[LimitEntry]) -> None:
    seen: dict[tuple[str, int], LimitEntry] = {}
    for entry in entries:
        key = (entry.limit.id, entry.limit.version)
        if key in seen:
            raise CatalogueError(
                f"{entry.file}, limit {entry.limit.id}: its version {entry.limit.version} already stands in "
                f"{seen[key].file}. Give one of the two another id, or the next version number."
            )
        seen[key] = entry


def _entry(row: Table, file: str) -> LimitEntry:
    ready = row.flag("ready", default=True)
    lacks = row.text_or_none("lacks")
    if ready is (lacks is not None):
        raise row.error("lacks says why a limit is not ready: give it with ready = false and only then.")
    kinds, later_kinds = _kinds(row)
    if ready and later_kinds:
        raise row.error(
            f"requests of the kind {', '.join(sorted(later_kinds))} are not known yet: not ready."
        )
    limit = _limit(row, kinds)
    row.finish()
    return LimitEntry(limit, file, ready, lacks, later_kinds)


def _limit(row: Table, kinds: frozenset[RequestKind]) -> Limit:
    wording = _wording(row)
    evidence = _evidence(row)
    limit = Limit(
        id=row.text("id"),
        version=row.whole("version") or 1,
        basis=row.member("basis", Basis),
        instrument=row.text("instrument"),
        provision=row.text("provision"),
        stage=row.member("stage", Stage),
        effect=row.member("effect", Effect),
        obligor=row.member("obligor", Obligor),
        counted_in=row.member("counted_in", Obligor),
        counting=_counting(row),
        starts_on=_triggers(row, "starts_on", kinds),
        stops_on=_triggers(row, "stops_on", kinds),
        kinds=kinds,
        tier=row.member_or_none("tier", Tier),
        span=row.span("within"),
        request_date=row.text_or_none("request_date"),
        starts_each=row.flag("starts_each"),
        implied_by=_acts(row, "implied_by", kinds),
        restarts_on=_triggers(row, "restarts_on", kinds),
        cancelled_by=_acts(row, "cancelled_by", kinds),
        survives_end=row.flag("survives_end"),
        conditions=_conditions(row),
        pauses=_pauses(row, kinds),
        extension=_extension(row),
        warning_lead=row.span("warning_lead"),
        escalation_days=row.wholes("escalation_days"),
        figures=_figures(row),
        declared_only=row.flag("declared_only"),
        in_addition=row.flag("in_addition"),
        convention=row.text_or_none("convention"),
        country=row.text_or_none("country"),
        verified=evidence == "V",
        evidence=evidence,
        link=row.text_or_none("link"),
        consequence=None if wording.get("on_expiry") == "none" else wording.get("on_expiry"),
        wording=wording,
        published_on=row.day("published_on"),
        valid_from=row.day("valid_from"),
        valid_to=row.day("valid_to"),
    )
    _refuse_contradictions(row, limit)
    return limit


def _kinds(row: Table) -> tuple[frozenset[RequestKind], frozenset[str]]:
    """The kinds of request, and those not known yet; the word "any" stands for all there are and will be."""
    names = frozenset(row.texts("kinds"))
    if not names:
        raise row.error('kinds is missing. List the kinds of request, or write ["any"].')
    if names == {"any"}:
        return frozenset(), frozenset()
    later = names & LATER_KINDS
    return frozenset(row.member_of("kinds", name, RequestKind) for name in names - later), later


def _counting(row: Table) -> str:
    rule = row.text("counting")
    if rule not in COUNTS:
        raise row.error(f'counting = "{rule}" is no counting rule. Known are {", ".join(COUNTS)}.')
    return rule


def _evidence(row: Table) -> str:
    evidence = row.text("evidence")
    if evidence not in EVIDENCE:
        raise row.error(f'evidence = "{evidence}" is unknown. Known are {", ".join(EVIDENCE)}.')
    return evidence


def _triggers(row: Table, name: str, kinds: frozenset[RequestKind]) -> tuple[Trigger, ...]:
    return tuple(_trigger(table, kinds) for table in row.tables(name))


def _trigger(table: Table, kinds: frozenset[RequestKind]) -> Trigger:
    act = _of_kinds(table, table.member("act", Act), kinds)
    where = table.table("where")
    after = table.member_or_none("after", Act)
    trigger = Trigger(act, where.plain_values() if where else {}, table.text_or_none("date_field"), after)
    table.finish()
    return trigger


def _acts(row: Table, name: str, kinds: frozenset[RequestKind]) -> tuple[Act, ...]:
    return tuple(_of_kinds(row, act, kinds) for act in row.members(name, Act))


def _of_kinds(table: Table, act: Act, kinds: frozenset[RequestKind]) -> Act:
    if kinds and not any(act in OF_KIND[kind] for kind in kinds):
        raise table.error(f"the act {act} does not occur in {', '.join(sorted(kinds))} requests.")
    return act


def _pauses(row: Table, kinds: frozenset[RequestKind]) -> tuple[PauseRule, ...]:
    rules = []
    for table in row.tables("pauses"):
        rule = PauseRule(begins=_acts(table, "from", kinds), ends=_acts(table, "until", kinds))
        table.finish()
        if not rule.begins or not rule.ends:
            raise table.error("a pause needs acts from which and acts until which it lasts.")
        rules.append(rule)
    return tuple(rules)


def _extension(row: Table) -> ExtensionRule | None:
    table = row.table("extension")
    if table is None:
        return None
    rule = ExtensionRule(
        each=table.span("each"),
        times=table.whole("times"),
        total=table.span("total"),
        reason_required=table.flag("reason_required", default=True),
        estimate_required=table.flag("estimate_required"),
        after_expiry=table.flag("after_expiry"),
    )
    table.finish()
    return rule


def _figures(row: Table) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    for table in row.tables("figures"):
        span = table.span("within")
        figure = Figure(
            requested=table.text("requested"),
            span=span or Span(0, Unit.DAYS),
            requesting=frozenset(table.texts("requesting")),
            evidence=_evidence(table),
            seen_at=table.text_or_none("seen_at") or "",
        )
        table.finish()
        if span is None:
            raise table.error("within is missing. Say which figure was declared.")
        if figure.evidence in ("V", "T") and not figure.seen_at:
            raise table.error("seen_at is missing. Say where the declaration was read.")
        figures.append(figure)
    return tuple(figures)


def _conditions(row: Table) -> Conditions:
    table = row.table("conditions")
    if table is None:
        return Conditions()
    conditions = Conditions(
        urgency=frozenset(table.members("urgency", Urgency)),
        assistance=frozenset(table.members("assistance", Assistance)),
        consent=table.flag_or_none("consent"),
        contiguous=table.flag_or_none("contiguous"),
        requester_region=table.text_or_none("requester_region"),
        requested_countries=frozenset(table.texts("requested_countries")),
        requesting_countries=frozenset(table.texts("requesting_countries")),
        circumstances=frozenset(table.members("circumstances", Circumstance)),
        without_circumstances=frozenset(table.members("without_circumstances", Circumstance)),
        acts=frozenset(table.members("acts", Act)),
    )
    table.finish()
    if conditions.requester_region is not None and conditions.requester_region not in region_names():
        known = ", ".join(sorted(region_names()))
        raise row.error(f"requester_region = {conditions.requester_region!r} is no region. Known: {known}.")
    return conditions


def _wording(row: Table) -> Mapping[str, str]:
    """What the provision says in words, where it was seen, and why it has no number if it has none."""
    words = {name: text for name in ("seen_at", "no_number") if (text := row.text_or_none(name)) is not None}
    table = row.table("wording")
    if table is not None:
        words |= {name: text for name in WORDINGS if (text := table.text_or_none(name)) is not None}
        table.finish()
    return words


def _refuse_contradictions(row: Table, limit: Limit) -> None:
    """Raises CatalogueError where two statements of one row cannot both be meant."""
    _refuse_unclear_number(row, limit)
    _refuse_missing_source(row, limit)
    if limit.span is not None and limit.span.unit not in COUNTS[limit.counting]:
        raise row.error(f'within: the counting rule "{limit.counting}" cannot count {limit.span.unit}.')
    for name, span in _lengths(limit):
        if span is not None and span.amount < 0:
            raise row.error(f"{name} must not be negative.")
    if not limit.starts_on:
        raise row.error("starts_on is missing. Name the act that starts the clock.")
    if limit.valid_from and limit.published_on and limit.valid_from < limit.published_on:
        raise row.error(
            f"valid_from {limit.valid_from} lies before published_on {limit.published_on}. "
            "Nothing is valid before it is published: correct one of the two."
        )
    if limit.valid_from and limit.valid_to and limit.valid_to <= limit.valid_from:
        raise row.error("valid_to must lie after valid_from; it is the first day without the limit.")


def _lengths(limit: Limit) -> Sequence[tuple[str, Span | None]]:
    extension = limit.extension or ExtensionRule()
    return (
        ("warning_lead", limit.warning_lead),
        ("extension each", extension.each),
        ("extension total", extension.total),
    )


def _refuse_unclear_number(row: Table, limit: Limit) -> None:
    if limit.request_date is not None and limit.request_date not in REQUEST_DATES:
        known = ", ".join(REQUEST_DATES)
        raise row.error(f'request_date = "{limit.request_date}" is no date of a request. Known: {known}.')
    stated = [limit.span is not None, limit.request_date is not None, "no_number" in limit.wording]
    if stated.count(True) != 1:
        raise row.error("say by when in exactly one way: within, request_date or no_number.")


def _refuse_missing_source(row: Table, limit: Limit) -> None:
    if limit.basis is Basis.POLICY:
        if limit.convention is not None:
            raise row.error("a policy rests on no convention. Take convention out, or change the basis.")
        return
    if limit.evidence == "own":
        raise row.error('evidence = "own" is for policies. Say V, T or M of what the law says.')
    if limit.evidence in ("V", "T") and "seen_at" not in limit.wording:
        raise row.error(f'seen_at is missing. With evidence = "{limit.evidence}" say where it was read.')
    if limit.convention is None and limit.country is None:
        raise row.error("convention is missing. Name the instrument, or the country of a national law.")
