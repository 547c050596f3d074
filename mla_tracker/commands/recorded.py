"""What a command that makes something gives back."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a command made, and whether an earlier call under the same Idempotency-Key had made it."""

    id: UUID
    replayed: bool = False
