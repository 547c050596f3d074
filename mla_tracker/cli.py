"""The program `mla-tracker`."""


def main() -> None:
    """Entry point."""
    raise SystemExit("not yet")
