"""The records held against the audit: what the entries of each chain come to is what the tables must hold."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.audit import canonical
from mla_tracker.domain.audit_checking import Fault, Finding, details_in
from mla_tracker.storage.audit_reading import rows_of_chains, rows_without_chain
from mla_tracker.storage.audited import AUDITED, facts_of, key_of
from mla_tracker.storage.database import Tx

CHAINS_AT_ONCE: Final = 500
ROWS_AT_ONCE: Final = 20_000

_Facts = dict[str, Any]
_Rows = dict[tuple[str, str], _Facts]


class RecordChecker:
    """Takes entries chain by chain, and compares some chains at a time with the tables."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.rows = 0
        self._chain: tuple[str, str] | None = None
        self._waiting: dict[tuple[str, str], _Rows] = {}
        self._held = 0

    async def take(self, tx: Tx, entries: Sequence[Any]) -> None:
        """Follow the next entries: COLUMNS as they are bound."""
        for entry in entries:
            chain = (entry[1], entry[2])
            if chain != self._chain:
                if len(self._waiting) >= CHAINS_AT_ONCE or self._held >= ROWS_AT_ONCE:
                    await self._compare(tx)
                self._chain = chain
                self._waiting.setdefault(chain, {})
            self._held += self._follow(self._waiting[chain], details_in(entry))

    async def close(self, tx: Tx) -> None:
        """Compare what is left, and look for rows of which no entry tells."""
        await self._compare(tx)
        for table in AUDITED:
            for row in await rows_without_chain(tx, table):
                self._say(Fault.ROW_UNKNOWN, table, canonical(key_of(table, row)), "No entry tells of it.")

    def _follow(self, rows: _Rows, details: str) -> int:
        """Let the changes of an entry happen; gives how many. One that cannot be read was found by its MAC."""
        try:
            changes = json.loads(details).get("changes", [])
            for change in changes:
                key = (change["table"], canonical(change["key"]))
                if change["after"] is None:
                    rows.pop(key, None)
                elif change["before"] is None:
                    rows[key] = dict(change["after"])
                else:
                    rows.setdefault(key, {}).update(change["after"])
        except (ValueError, TypeError, KeyError, AttributeError):
            return 0
        return len(changes)

    async def _compare(self, tx: Tx) -> None:
        waiting, self._waiting, self._held, self._chain = self._waiting, {}, 0, None
        by_kind: dict[str, list[tuple[UUID, _Rows]]] = {}
        for (kind, chain_id), rows in waiting.items():
            by_kind.setdefault(kind, []).append((UUID(chain_id), rows))
        for kind, chains in by_kind.items():
            meant: _Rows = {}
            for _, rows in chains:
                meant.update(rows)
            for table, audited in AUDITED.items():
                if audited.chain == kind:
                    await self._compare_table(tx, table, [chain_id for chain_id, _ in chains], meant)
            for table, key in meant:
                if table in AUDITED and AUDITED[table].chain == kind:
                    self._say(Fault.ROW_MISSING, table, key, "It is gone, and no entry tells of that.")

    async def _compare_table(self, tx: Tx, table: str, chain_ids: Sequence[UUID], meant: _Rows) -> None:
        """Compare the rows that are there; what is left in `meant` afterwards is not."""
        for row in await rows_of_chains(tx, table, chain_ids):
            self.rows += 1
            key = canonical(key_of(table, row))
            told = meant.pop((table, key), None)
            if told is None:
                self._say(Fault.ROW_UNKNOWN, table, key, "No entry tells of it.")
                continue
            differing = _differing(facts_of(table, row), told)
            if differing:
                names = ", ".join(differing)
                self._say(
                    Fault.ROW_DIFFERS, table, key, f"It is not what the audit tells: {names}.", *differing
                )
        for name, key in [*meant]:
            if (
                name == table
                and AUDITED[table].sparse
                and not any(value is not None for value in meant[name, key].values())
            ):
                meant.pop((name, key))

    def _say(self, fault: Fault, table: str, key: str, sentence: str, *columns: str) -> None:
        self.findings.append(
            Finding(fault, f"Row {key} of {table}: {sentence}", table=table, key=key, columns=columns)
        )


def _differing(facts: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """The columns in which a row is not what is told of it; what is not told is null."""
    return [name for name, value in facts.items() if canonical(value) != canonical(told.get(name))]
