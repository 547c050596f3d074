"""What a user or a job does: one async function each, that loads, decides and saves in one transaction."""

from mla_tracker.commands.recorded import Recorded

__all__ = ["Recorded"]
