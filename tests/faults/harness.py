"""Hurts an installation in rounds while officers write, and compares the books after each: `make faults`.

`SEED=… ROUNDS=…` repeat a run: the seed decides what is written and what is done, though not what the processes make of
it. docs/faults.md tells what is done and what is not.
"""

import asyncio
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from random import Random
from typing import Final

import asyncpg
import httpx

from mla_tracker.storage.errors import CannotRun
from tests.faults.book import Book, Kind, State, Write
from tests.faults.comparing import compare, counted, flags_and_takeovers
from tests.faults.faults import FAULTS, NotPossibleHere
from tests.faults.installation import ROOT, Installation, installed
from tests.faults.nursery import Nursery
from tests.faults.writers import AN_AGREEMENT, PATIENCE, Desk, Writer, repeat

WRITERS: Final = 6
ROUNDS_EACH: Final = 10
"""Rounds on one installation; then a fresh one, so that comparing does not grow without end."""

MOST_AT_ONCE: Final = 3
WRITE_SECONDS: Final = (0.5, 1.5)


@dataclass
class Report:
    """What was done and found."""

    seed: int
    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    writes: Counter[State] = field(default_factory=Counter)
    by_kind: Counter[Kind] = field(default_factory=Counter)
    repeated: int = 0
    flags: int = 0
    takeovers: int = 0
    restarts: int = 0
    findings: list[str] = field(default_factory=list)
    disks: set[str] = field(default_factory=set)
    broken_off: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [
            f"{self.rounds} rounds in {self.seconds:.0f} s with seed {self.seed}, on {', '.join(sorted(self.disks))}"
            + (", broken off" if self.broken_off else ""),
            *(f"  {number:5d} × {name}" for name, number in sorted(self.faults.items())),
            *(f"  not possible here: {name} ({why})" for name, why in self.skipped.items()),
            f"{self.writes[State.ACKNOWLEDGED]} writes acknowledged "
            f"({', '.join(f'{number} {kind}' for kind, number in sorted(self.by_kind.items()))}), "
            f"{self.repeated} of them repeated after a round",
            f"{self.writes[State.UNSURE]} writes left unsure, {self.writes[State.REFUSED]} refused",
            f"{self.flags} flags raised, {self.takeovers} slots of jobs taken over or tried again, "
            f"{self.restarts} processes started again",
            f"{len(self.findings)} finding(s)",
            *self.findings,
        ]
        return "\n".join(lines)


async def run(
    seed: int,
    rounds: int,
    *,
    names: Sequence[str] = tuple(FAULTS),
    at_once: int | None = None,
    first: int = 0,
    fresh: Callable[[], AbstractAsyncContextManager[Installation]] = installed,
) -> Report:
    """Rounds `first` and following of a seed. `names`: which faults there are; `at_once`: so many in every round.

    `fresh` gives the installations that are hurt.
    """
    report, began = Report(seed), time.monotonic()
    hands = islice(_hands(seed, names, at_once), first, None)
    number = first
    try:
        while number < first + rounds:
            until = min(first + rounds, number + ROUNDS_EACH)
            start = datetime.now(UTC)
            async with (
                fresh() as installation,
                _counted(installation, report) as book,
                _desk(installation, book) as desk,
            ):
                while number < until:
                    chosen = next(hands)
                    rng = Random(f"{seed} {number}")
                    found = await _round(installation, desk, report, chosen, rng, f"{seed} {number}", start)
                    number += 1
                    report.rounds += 1
                    if found:
                        print(installation.last_words(), flush=True)
                        report.findings += [
                            f"round {number - 1} ({', '.join(chosen)}): {one}" for one in found
                        ]
                        break  # what is wrong stays wrong: go on with a fresh one
    except asyncio.CancelledError:
        report.broken_off = True
    report.seconds = time.monotonic() - began
    return report


def _hands(seed: int, names: Sequence[str], at_once: int | None) -> Iterator[list[str]]:
    """The faults of each round: different ones, and over the rounds each kind as often as any other."""
    deck: list[str] = []
    for number in count():
        rng = Random(f"{seed} {number} faults")
        wanted = min(at_once or rng.randint(1, MOST_AT_ONCE), len(names))
        chosen: list[str] = []
        while len(chosen) < wanted:
            left = [name for name in deck if name not in chosen]
            if not left:
                deck += rng.sample(list(names), len(names))
                continue
            deck.remove(left[0])
            chosen.append(left[0])
        yield chosen


async def _round(
    installation: Installation,
    desk: Desk,
    report: Report,
    chosen: Sequence[str],
    rng: Random,
    seed: str,
    began: datetime,
) -> list[str]:
    """Write, hurt, let everything come back, repeat what had no answer, compare."""
    at = time.monotonic()
    at_work: list[asyncio.Task[None]] = []
    try:
        await installation.ready()
        enough = asyncio.Event()
        writers = [Writer(desk, number, seed) for number in range(WRITERS)]
        at_work += [asyncio.create_task(writer.write_until(enough)) for writer in writers]
        await asyncio.sleep(rng.uniform(*WRITE_SECONDS))
        await asyncio.gather(
            *(_strike(installation, report, name, Random(f"{seed} {name}")) for name in chosen)
        )
        await asyncio.sleep(rng.uniform(*WRITE_SECONDS))
        enough.set()
        await asyncio.gather(*at_work)
        hurt = time.monotonic() - at
        await installation.ready()
        back = time.monotonic() - at
        report.repeated += await repeat(desk, rng)
        found = counted(await compare(installation, desk.book, began))
    except TimeoutError as late:
        hurt = back = time.monotonic() - at
        found = [str(late)]
    finally:
        for writing in at_work:
            writing.cancel()
    done = time.monotonic() - at
    print(
        f"{datetime.now(UTC):%H:%M:%S} round {seed}: {', '.join(chosen)}; "
        f"{hurt:.1f} s hurt, back after {back - hurt:.1f} s, compared in {done - back:.1f} s; "
        f"{desk.book.counted()[State.ACKNOWLEDGED]} acknowledged"
        + "".join(f"\n    FOUND {one}" for one in found)
        + (f"\n    repeat: SEED={report.seed} FIRST={seed.split()[1]} ROUNDS=1 make faults" if found else ""),
        flush=True,
    )
    return found


async def _strike(installation: Installation, report: Report, name: str, rng: Random) -> None:
    await asyncio.sleep(rng.uniform(0, 1))
    try:
        await FAULTS[name](installation, rng)
        report.faults[name] += 1
    except NotPossibleHere as why:
        report.skipped[name] = str(why)


@asynccontextmanager
async def _desk(installation: Installation, book: Book) -> AsyncIterator[Desk]:
    """Officers of both countries, and the agreement whose limit comes due within minutes."""
    await installation.ready()
    tokens = {country: await installation.token(country) for country in ("MA", "ES")}
    async with (
        httpx.AsyncClient(headers={"Authorization": f"Bearer {tokens['MA']}"}, timeout=PATIENCE) as morocco,
        httpx.AsyncClient(headers={"Authorization": f"Bearer {tokens['ES']}"}, timeout=PATIENCE) as spain,
    ):
        desk = Desk(book, installation.apis, {"MA": morocco, "ES": spain})
        body = AN_AGREEMENT | {"external_reference": "the fast one"}
        said = await desk.send(
            Write(Kind.AGREEMENT, "MA", "/agreements", body, "the fast one", key="first"), Random(0)
        )
        if said is None:
            raise RuntimeError(f"The installation does not take the first entry: {book.findings}")
        desk.agreement_id = said["id"]
        yield desk


@asynccontextmanager
async def _counted(installation: Installation, report: Report) -> AsyncIterator[Book]:
    """An empty book; what is in it at the end is told by the report."""
    book = Book()
    report.disks.add(installation.kind_of_disk)
    try:
        yield book
    finally:
        report.writes += book.counted()
        report.by_kind += Counter(write.kind for write in book.writes if write.state is State.ACKNOWLEDGED)
        report.restarts += installation.restarts
        with suppress(CannotRun, asyncpg.PostgresError, OSError):  # broken off in the middle of a fault
            flags, takeovers = await flags_and_takeovers(installation)
            report.flags += flags
            report.takeovers += takeovers


async def _stoppable(running: Coroutine[None, None, Report]) -> Report:
    """Told to end, leave no server, no process and no disk behind."""
    task = asyncio.create_task(running)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def main() -> None:
    """Run rounds and tell of them; exit code 1 if something was found."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round, to repeat one")
    parser.add_argument(
        "--fault", action="append", choices=list(FAULTS), help="only this one; may be repeated"
    )
    parser.add_argument(
        "--forked", action="store_true", help="fork the nodes from one process: many more rounds"
    )
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else int(time.time())
    with Nursery(ROOT) if given.forked else nullcontext() as nursery:
        running = run(
            seed,
            given.rounds,
            names=given.fault or tuple(FAULTS),
            first=given.first,
            fresh=partial(installed, nursery),
        )
        report = asyncio.run(_stoppable(running))
    print(report)
    sys.exit(1 if report.findings or report.broken_off else 0)


if __name__ == "__main__":
    main()
