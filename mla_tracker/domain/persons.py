"""Who a request is about: the words for the part that a person has in it, and for what is known of them."""

from enum import StrEnum
from typing import Final

from mla_tracker.domain.vocabulary import RequestKind


class Part(StrEnum):
    """As what a person stands in a request. `person_sought`: whose extradition or whereabouts is asked for."""

    PERSON_SOUGHT = "person_sought"
    SUSPECT = "suspect"
    ACCUSED = "accused"
    CONVICTED = "convicted"
    WITNESS = "witness"
    VICTIM = "victim"
    EXPERT = "expert"
    OTHER = "other"


class NameKind(StrEnum):
    """What kind of name it is; `alias` is one that the person is also known under."""

    CURRENT = "current"
    BIRTH = "birth"
    FORMER = "former"
    ALIAS = "alias"


class Sex(StrEnum):
    """As a travel document states it; `unspecified` is its X."""

    FEMALE = "female"
    MALE = "male"
    UNSPECIFIED = "unspecified"


class IdentifierType(StrEnum):
    """What kind of document or register a number belongs to."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity_card"
    NATIONAL_NUMBER = "national_number"
    RESIDENCE_PERMIT = "residence_permit"
    DRIVING_LICENCE = "driving_licence"
    TAX_NUMBER = "tax_number"
    INTERPOL_NOTICE = "interpol_notice"
    OTHER = "other"


class ErasureGround(StrEnum):
    """Why content was erased: a closed list, since a reason in free words would tell what was to be forgotten."""

    RECORDED_IN_ERROR = "recorded_in_error"
    NOT_CONCERNED = "not_concerned"
    ASKED_BY_THE_PERSON = "asked_by_the_person"
    ORDERED = "ordered"
    RETENTION = "retention"


BY_HAND: Final = tuple(ground for ground in ErasureGround if ground is not ErasureGround.RETENTION)
"""The grounds that a person may give; the other one is the program's."""


def sought_together(kind: RequestKind, sought: int) -> str | None:
    """A warning where more than one person is sought by one extradition request, which is about one."""
    if kind is not RequestKind.EXTRADITION or sought < 2:
        return None
    return (
        f"{sought} persons sought stand in this extradition request, and an extradition is about one. Log a request "
        "for each and link them, or record the others in the part that they have."
    )
