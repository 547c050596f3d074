"""Why a further request or a question was put, where a limit depends on it."""

from enum import StrEnum


class FurtherRequest(StrEnum):
    """What a further request of the requesting country, received in the same case, asks for."""

    FOLLOW_UP = "follow_up"
    TRANSIT = "transit"
    CONTINUED_ARREST = "continued_arrest"
    SPECIALITY_CONSENT = "speciality_consent"


class InformationPurpose(StrEnum):
    """Why the requested country asks for information, where a limit depends on it."""

    CLARIFICATION = "clarification"
    LIMIT_OF_FREEZING = "limit_of_freezing"
