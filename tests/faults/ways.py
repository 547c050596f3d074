"""The way between one node and PostgreSQL: it can be cut, stall, or lose a COMMIT or the answer to it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from mla_tracker.storage.postgres import DATABASE, LOGIN

SOCKET = ".s.PGSQL.5432"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""COMMIT as the program sends it: a simple query, length included."""
PIECE = 65536


class AtCommit(StrEnum):
    """What becomes of the next COMMIT on this way."""

    LOST = "it never arrives"
    ANSWER_LOST = "it is done, and whoever sent it never hears so"
    TOLD = "it is done and answered, and the harness hears of it before the node does"


@dataclass(eq=False)
class _Line:
    """One connection: both ends, and whether what the server says is held back."""

    to_node: asyncio.StreamWriter
    to_server: asyncio.StreamWriter
    held: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        for writer in (self.to_node, self.to_server):
            writer.transport.abort()


@dataclass
class Way:
    """A listener that passes on what it hears. `folder`: a Unix socket is made there; without, it is a TCP port."""

    server: Path
    folder: Path | None = None
    database: str = DATABASE
    url: str = ""
    commits: int = 0
    _lines: set[_Line] = field(default_factory=set)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _armed: AtCommit | None = None
    _struck: asyncio.Event = field(default_factory=asyncio.Event)
    _told: Callable[[], None] = lambda: None
    _listener: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; `url` is then the address for the program."""
        self._flows.set()
        if self.folder is not None:
            self.folder.mkdir(mode=0o700)
            self._listener = await asyncio.start_unix_server(self._serve, self.folder / SOCKET)
            self.url = f"postgresql://{LOGIN}@/{self.database}?host={quote(str(self.folder), safe='/')}"
        else:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            port = self._listener.sockets[0].getsockname()[1]
            self.url = f"postgresql://{LOGIN}@127.0.0.1:{port}/{self.database}"

    async def close(self) -> None:
        """End, with every connection."""
        if self._listener is not None:
            self._listener.close()
        self._flows.set()
        self.cut()

    def cut(self) -> int:
        """Break off every connection at this moment; gives how many."""
        lines = list(self._lines)
        for line in lines:
            line.cut()
        return len(lines)

    async def stall(self, seconds: float) -> None:
        """Pass nothing on for a while, in neither direction, and break nothing off."""
        self._flows.clear()
        await asyncio.sleep(seconds)
        self._flows.set()

    async def at_commit(
        self, what: AtCommit, seconds: float, told: Callable[[], None] = lambda: None
    ) -> bool:
        """Wait for the next COMMIT and do that to it; False if none came in time."""
        self._struck.clear()
        self._armed, self._told = what, told
        try:
            async with asyncio.timeout(seconds):
                await self._struck.wait()
        except TimeoutError:
            return False
        finally:
            self._armed = None
        return True

    async def _serve(self, from_node: asyncio.StreamReader, to_node: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_unix_connection(self.server / SOCKET)
        except OSError:
            to_node.transport.abort()
            return
        line = _Line(to_node, to_server)
        self._lines.add(line)
        ends = [
            asyncio.create_task(self._upward(line, from_node)),
            asyncio.create_task(self._downward(line, from_server)),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._lines.discard(line)
            for end in ends:
                end.cancel()
            for writer in (to_node, to_server):
                writer.close()

    async def _upward(self, line: _Line, source: asyncio.StreamReader) -> None:
        async def passed_on(piece: bytes) -> None:
            if COMMIT in piece:
                self.commits += 1
                if self._armed is not None:
                    await self._strike(line, piece)
                    return
            await _write(line.to_server, piece)

        await self._pass(source, passed_on)

    async def _downward(self, line: _Line, source: asyncio.StreamReader) -> None:
        async def passed_on(piece: bytes) -> None:
            if line.held:
                line.answered.set()
                await line.goes_on.wait()
            await _write(line.to_node, piece)

        await self._pass(source, passed_on)

    async def _pass(
        self, source: asyncio.StreamReader, passed_on: Callable[[bytes], Awaitable[None]]
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE):
                await self._flows.wait()
                await passed_on(piece)

    async def _strike(self, line: _Line, piece: bytes) -> None:
        what, self._armed = self._armed, None
        if what is AtCommit.LOST:
            line.cut()
        else:
            line.held = True
            await _write(line.to_server, piece)
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await line.answered.wait()
            if what is AtCommit.ANSWER_LOST:
                line.cut()
            else:
                self._told()
                line.held = False
                line.goes_on.set()
        self._struck.set()


async def _write(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(piece)
    await writer.drain()
