"""What a policy, a calendar or a zone would move, as clients read it before it is put in force."""

from typing import Final, Literal

from pydantic import Field

from mla_tracker.api.fields import Answer, Day, Id, Instant, Query
from mla_tracker.commands.previewing import Effect
from mla_tracker.domain.vocabulary import Stage

MOST_TOLD: Final = 200


class PreviewQuery(Query):
    """Whether to look first."""

    preview: bool = Field(False, description="Store nothing; answer what would change.")


class MoveView(Answer):
    """An open clock whose end would move: to another day, or to another instant of the same day."""

    request_id: Id
    clock: str = Field(description="The key of the clock within its request.")
    stage: Stage
    from_: Day | None = Field(serialization_alias="from", description="Null: the clock would begin to run.")
    to: Day | None = Field(description="Null: no date would be left.")
    from_at: Instant | None
    to_at: Instant | None


class ImpossibleView(Answer):
    """A request with an act that would not fit any more; it would be counted as well as can be, with a warning."""

    request_id: Id
    reason: str = Field(description="The first act that would no longer be allowed, and why.")


class EffectView(Answer):
    """What would change of what your account sees."""

    open_clocks: int = Field(
        description="Open clocks that it is about: of the policy's stage, or counted in the country."
    )
    moved: int = Field(
        description="How many of the open clocks would get another due date, or another instant on the same date."
    )
    moves: list[MoveView] = Field(description=f"The first {MOST_TOLD} of them, soonest new date first.")
    requests_counted: int = Field(description="Open requests that it can reach, counted with and without it.")
    requests_left_out: int = Field(
        description="Those that were too many to count: `moved` says nothing of them."
    )
    impossible: list[ImpossibleView] = Field(description=f"At most {MOST_TOLD}.")


def effect_view(effect: Effect) -> EffectView:
    """The same as an answer."""
    return EffectView(
        open_clocks=effect.open_clocks,
        moved=len(effect.moves),
        moves=[
            MoveView(
                request_id=move.request_id,
                clock=move.clock,
                stage=move.stage,
                from_=move.before,
                to=move.after,
                from_at=move.before_at,
                to_at=move.after_at,
            )
            for move in effect.moves[:MOST_TOLD]
        ],
        requests_counted=effect.requests,
        requests_left_out=effect.left_out,
        impossible=[
            ImpossibleView(request_id=request_id, reason=reason)
            for request_id, reason in effect.impossible[:MOST_TOLD]
        ],
    )


class CauseView(Answer):
    """The change for which a request was counted anew."""

    kind: Literal["calendar", "zone", "limit", "agreement", "rebuild"] = Field(
        description="`rebuild`: what was stored was wrong, and was put right."
    )
    of: str | None = Field(description="The country, the time zone, the limit or the agreement.")
    version: int | None
    source: str | None = Field(description="Where a calendar is published, or what ships it or the zone.")


class DateMoveView(Answer):
    """A clock whose end was moved: to another day, or to another instant of the same day."""

    request_id: Id
    clock: str = Field(description="The key of the clock within its request.")
    stage: Stage
    due_on_before: Day | None = Field(description="Null: the clock began to run, or its limit to apply.")
    due_on_after: Day | None = Field(description="Null: no date is left.")
    due_at_before: Instant | None
    due_at_after: Instant | None
    causes: list[CauseView] = Field(
        description="All changes that it had waited for: which of them is not asked."
    )
    moved_at: Instant
