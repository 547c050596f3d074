"""How a case is handled: who of its two countries may see that there is one."""

from enum import StrEnum


class Handling(StrEnum):
    """`open`: every account of its countries. `restricted`: officers and heads. `confidential`: those named."""

    OPEN = "open"
    RESTRICTED = "restricted"
    CONFIDENTIAL = "confidential"
