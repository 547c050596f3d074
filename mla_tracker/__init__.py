"""mla-tracker: requests between countries for evidence and for people, with legal clocks that explain themselves."""

import zoneinfo

# Zones come from the pinned tzdata package on every machine, so that no upgrade of a system moves a date.
zoneinfo.reset_tzpath(to=())

__version__ = "0.1.0"
