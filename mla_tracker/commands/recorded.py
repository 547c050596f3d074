"""What a command that makes something gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a command made, and whether an earlier call under the same Idempotency-Key had made it.

    `view` is the record as the writer may see it now, where the command reads it in its own transaction.
    """

    id: UUID
    replayed: bool = False
    view: Mapping[str, Any] = field(default_factory=dict)
