"""What the clients know: every write that they sent, and whether it was acknowledged or never heard of again."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a write makes."""

    REQUEST = "request"
    ACT = "act"
    VOID = "void"
    AMENDMENT = "amendment"
    ACKNOWLEDGEMENT = "acknowledgement"
    PERSON = "person"
    NOTE = "note"
    AGREEMENT = "agreement"


class State(StrEnum):
    """What its writer knows of a write."""

    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    UNSURE = "unsure"
    REFUSED = "refused"


@dataclass(eq=False)
class Write:
    """One write. `about` is the request it belongs to, `mark` what tells it from others there; `key` repeats it."""

    kind: Kind
    country: str
    path: str
    body: dict[str, Any] | None
    mark: Any
    about: str | None = None
    key: str | None = None
    version: str | None = None
    state: State = State.SENT
    made: str | None = None
    tries: int = 0

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Idempotency-Key": self.key} if self.key else {}
        return headers | ({"If-Match": self.version} if self.version else {})

    @property
    def may_be_there(self) -> bool:
        return self.state in (State.SENT, State.UNSURE)


@dataclass
class Book:
    """All writes in the order in which they were begun, and what cannot be: an answer that no fault explains."""

    writes: list[Write] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def of(self, kind: Kind) -> Iterator[Write]:
        return (write for write in self.writes if write.kind is kind and write.state is not State.REFUSED)

    def counted(self) -> Counter[State]:
        return Counter(write.state for write in self.writes)

    def to_repeat(self) -> list[Write]:
        """What a careful client sends once more, under the key that it had."""
        return [write for write in self.writes if write.may_be_there and write.key is not None]

    def acknowledged(self, write: Write, made: str) -> None:
        """Note the answer; a repetition must make nothing else than the first time."""
        if write.made is not None and write.made != made:
            self.findings.append(f"{write.kind} under the key {write.key} made {write.made}, and then {made}")
        write.made = made
        write.state = State.ACKNOWLEDGED
