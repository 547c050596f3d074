"""mla-tracker: requests between countries for evidence and for people, with legal clocks that explain themselves."""

__version__ = "0.1.0"
