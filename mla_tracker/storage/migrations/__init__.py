"""Changes of the schema, in the order of their names, each run once; none is edited after it has landed.

A migration is a Python file named by its instant and purpose (`2026_11_24t03_00_00_000000_first.py`) with `ID`,
`VERSION`, `DESCRIPTION` and `forwards()` as Piccolo wants them. Hand-written SQL lies beside it under the same
name with `.sql`, and `forwards()` returns `from_sql(ID, DESCRIPTION)`. A file runs in one transaction: it must
not hold BEGIN, COMMIT or CREATE INDEX CONCURRENTLY. Write it for a live system: add first, remove one release later.

`BESIDE` is the name of the newest migration that an older program must know to work on beside it while nodes are
replaced one by one, mostly that of the one before; None where no older program may. docs/decisions/0021-many-nodes.md
says when.
"""
