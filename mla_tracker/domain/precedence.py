"""Which limits apply to a case, stage by stage: agreement, convention relied on, national law, policies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter

from mla_tracker.domain.clock_wording import UNKNOWN_DAY
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case
from mla_tracker.domain.limits import Convention, Limit
from mla_tracker.domain.starts import displaces, in_force
from mla_tracker.domain.vocabulary import Basis, Obligor, RequestKind, Side, Stage


class Limits(tuple[Limit, ...]):
    """All versions of all limits on record. Whoever keeps them keeps the way to those of one source with them."""

    @cached_property
    def by_source(self) -> Mapping[tuple[str | None, RequestKind], Sequence[tuple[int, Limit]]]:
        """Those that set a number, each with its place in the whole: by instrument or country, and kind of request.

        The source is None for our own policy and for what an agreement says.
        """
        found: dict[tuple[str | None, RequestKind], list[tuple[int, Limit]]] = {}
        for place, limit in enumerate(self):
            source = None if limit.basis is Basis.AGREEMENT else limit.convention or limit.country
            for kind in (limit.kinds or RequestKind) if limit.sets_a_number() else ():
                found.setdefault((source, kind), []).append((place, limit))
        return found

    def of(self, sources: Iterable[str | None], kind: RequestKind) -> list[Limit]:
        """Those of the sources for requests of that kind, in the order of the whole."""
        found = [one for source in sources for one in self.by_source.get((source, kind), ())]
        return [limit for _, limit in sorted(found, key=itemgetter(0))]


@dataclass(frozen=True, slots=True)
class RelianceOnAgreement:
    """The agreement that a request names: whether it governs on the day the law is judged, and its own limits."""

    id: str
    title: str
    governs: bool
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Law:
    """Everything that can set a limit: all versions of the catalogue and of policies, instruments, the agreement.

    `contiguous`: whether the two countries share a land border, None where unknown. `requester_regions`: the
    regions of the catalogue that the requesting country lies in.
    """

    limits: tuple[Limit, ...]
    conventions: Mapping[str, Convention] = field(default_factory=dict)
    agreement: RelianceOnAgreement | None = None
    contiguous: bool | None = None
    requester_regions: frozenset[str] = frozenset()

    def limits_of(self, sources: Iterable[str | None], kind: RequestKind) -> list[Limit]:
        """The limits of some sources; looked up where the law holds `Limits`, else sought in all of them."""
        on_record = self.limits if isinstance(self.limits, Limits) else Limits(self.limits)
        return on_record.of(sources, kind)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A limit that applies, in all its versions, with the limits of other sources that it displaces."""

    versions: tuple[Limit, ...]
    displaced: tuple[Limit, ...] = ()

    @property
    def limit(self) -> Limit:
        return self.versions[-1]


def country_of(obligor: Obligor, case: Case) -> str:
    """The country a duty or a count belongs to; a provider is reached in the requested country."""
    return case.requesting_country if obligor is Obligor.REQUESTING else case.requested_country


def owner(limit: Limit, case: Case) -> str:
    """The country whose own rule can reach the case: the obligor's for a policy, for national law that counted in."""
    return country_of(limit.obligor if limit.basis is Basis.POLICY else limit.counted_in, case)


def side_of(obligor: Obligor) -> Side:
    return Side.REQUESTING if obligor is Obligor.REQUESTING else Side.REQUESTED


def instrument_relied_on(case: Case, law: Law) -> tuple[Convention | None, list[Step]]:
    """The convention whose limits run, and what has to be said about it.

    The requester names it; it counts where both countries are bound by it on the day the request left. An
    instrument that replaces it between the two takes its place (the European arrest warrant that of ETS 24).
    """
    if case.convention is None:
        return None, []
    named = law.conventions.get(case.convention)
    if named is None:
        return None, [Step("convention-unknown", {"convention": case.convention})]
    for other in law.conventions.values():
        if named.id in other.replaces and case.kind in other.kinds and not unbound(other, case):
            return other, [
                Step("convention-replaced", {"named": named.title, "instead": other.title}, other.source)
            ]
    missing = unbound(named, case)
    if not missing:
        return named, []
    args = {
        "convention": named.title,
        "countries": missing,
        "day": case.first_day,
        "as_of": named.as_of or UNKNOWN_DAY,
    }
    if named.parties_known:
        return None, [Step("convention-not-binding", args, named.source)]
    return named, [Step("convention-parties-incomplete", args, named.source)]


def read_with(convention: Convention, case: Case, law: Law) -> frozenset[str]:
    """The ids of the convention relied on, of those that it supplements, and of those that supplement it here."""
    beside = [
        other.id
        for other in law.conventions.values()
        if (other.id in convention.supplements or convention.id in other.supplements)
        and case.kind in other.kinds
        and not unbound(other, case)
    ]
    return frozenset({convention.id, *beside})


def unbound(convention: Convention, case: Case) -> list[str]:
    """The countries of the case that our list of parties does not show as bound on the day the request left."""
    both = (case.requesting_country, case.requested_country)
    if convention.only_with and not convention.only_with & set(both):
        return list(both)
    return [country for country in both if not convention.binds(country, case.first_day)]


def applies(limit: Limit, case: Case, law: Law) -> bool:
    """Whether the limit's fixed conditions hold for the case; consent is judged on the history instead."""
    wanted = limit.conditions
    return (
        (not limit.kinds or case.kind in limit.kinds)
        and (not wanted.urgency or case.urgency in wanted.urgency)
        and (not wanted.assistance or bool(wanted.assistance & set(case.assistance)))
        and (wanted.requester_region is None or wanted.requester_region in law.requester_regions)
        and (wanted.contiguous is None or wanted.contiguous == law.contiguous)
        and (not wanted.requested_countries or case.requested_country in wanted.requested_countries)
        and (not wanted.requesting_countries or case.requesting_country in wanted.requesting_countries)
        and wanted.circumstances <= case.circumstances
        and not wanted.without_circumstances & case.circumstances
        and wanted.acts <= {event.act for event in case.events}
        and (limit.request_date is None or case.wished_by is not None)
    )


def with_figure(limit: Limit, case: Case) -> Limit | None:
    """The limit with the figure that the requested country declared; None where it needs one and there is none."""
    for figure in limit.figures:
        if figure.fits(case.requesting_country, case.requested_country):
            return replace(limit, span=figure.span)
    return None if limit.declared_only else limit


def chosen_limits(case: Case, law: Law) -> tuple[list[Chosen], list[Step]]:
    """The limits that apply, stage by stage, with what each displaces, and warnings about the sources.

    A source that sets no number for a stage displaces nothing there, nor does one whose rule is not in force on
    the legal start date, nor one that has nothing to say here (`starts.displaces`). A policy of the obligor's
    country runs beside the law where it says `in_addition`.
    """
    convention, warnings = instrument_relied_on(case, law)
    relied_on = read_with(convention, case, law) if convention is not None else frozenset()
    agreed: tuple[Limit, ...] = ()
    if law.agreement is not None:
        if law.agreement.governs:
            agreed = law.agreement.limits
        else:
            warnings.append(
                Step("agreement-not-in-force", {"title": law.agreement.title, "day": case.first_day})
            )
    ranked: dict[Stage, tuple[list[Limit], ...]] = {}
    sources = {*relied_on, case.requesting_country, case.requested_country, None}
    for limit in (*law.limits_of(sources, case.kind), *agreed):
        rank = _rank(limit, relied_on, case)
        if rank is None or not limit.sets_a_number() or not applies(limit, case, law):
            continue
        declared = with_figure(limit, case)
        if declared is None:
            args = {"limit": limit.id, "country": case.requested_country}
            warnings.append(Step("figure-not-known", args, limit.source))
        else:
            ranked.setdefault(limit.stage, ([], [], [], [], []))[rank].append(declared)
    return [one for stage in Stage if stage in ranked for one in _of_stage(ranked[stage], case)], warnings


def _rank(limit: Limit, relied_on: frozenset[str], case: Case) -> int | None:
    """Its place among the sources: agreement, instrument relied on, national law, a country's policy, ours.

    None for a limit of a source that has nothing to do with the case.
    """
    if limit.basis is Basis.AGREEMENT:
        return 0
    if limit.convention is not None:
        return 1 if limit.convention in relied_on else None
    if limit.country is not None:
        own = 2 if limit.basis is Basis.LAW else 3
        return own if limit.country == owner(limit, case) else None
    return 4 if limit.basis is Basis.POLICY else None


def _of_stage(sources: Iterable[list[Limit]], case: Case) -> list[Chosen]:
    chosen: list[Chosen] = []
    displacing: list[Limit] = []
    displaced: list[Limit] = []
    dated = False
    for source in filter(None, sources):
        valid = [version for versions in _by_id(source) if in_force(case, versions) for version in versions]
        wished = [limit for limit in valid if limit.request_date is not None]
        if wished:
            # The date that the requester wishes for is one goal, whoever else speaks of it.
            valid = [limit for limit in valid if limit.request_date is None]
            chosen += [] if dated else [Chosen(versions) for versions in _by_id(wished)]
            dated = True
        if displacing:
            beside = [limit for limit in valid if limit.in_addition]
            displaced += [limit for limit in valid if not limit.in_addition]
        else:
            beside = valid
            displacing = [limit for limit in valid if displaces(case, limit)]
        chosen += [Chosen(versions) for versions in _by_id(beside)]
    return [Chosen(one.versions, tuple(displaced) if one.limit in displacing else ()) for one in chosen]


def _by_id(limits: Iterable[Limit]) -> list[tuple[Limit, ...]]:
    """The versions of each limit, the newest last."""
    versions: dict[str, list[Limit]] = {}
    for limit in limits:
        versions.setdefault(limit.id, []).append(limit)
    return [tuple(sorted(same, key=lambda limit: limit.version)) for same in versions.values()]
