"""A sample file of each kind, with a row for each thing that its columns can say; a test imports them."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mla_tracker.api.files.columns import COLUMNS

SAMPLES: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {
    "agreements": (
        {
            "external_reference": "T-1",
            "title": "Convention on legal assistance in criminal matters",
            "kind": "mutual_legal_assistance",
            "parties": "Rabat / España",
            "signed_on": "24.06.2009",
            "in_force_from": "2012-10-01",
            "languages": "ar; es",
            "notes": "Replaces the convention of 1997.",
            "events": '[{"type": "ratified", "occurred_on": "2010-03-01", "data": {"by": "ES"}}]',
        },
        {
            "external_reference": "T-2",
            "title": "Treaty on extradition",
            "kind": "extradition",
            "parties": "MA; Yugoslavia; org:CARICC",
            "signed_on": "1970-05-01",
        },
    ),
    "requests": (
        {
            "external_reference": "R-1",
            "kind": "evidence",
            "requesting_country": "المغرب",
            "requested_country": "Madrid",
            "subject": "Bank records of a shipping agent",
            "agreement_reference": "T-1",
            "assistance": "records",
            "offences": "drug trafficking; money laundering",
            "reference_requesting": "17/2026",
            "sent_on": "2026-01-05",
            "received_on": "07.01.2026",
            "acknowledged_on": "2026-01-09",
            "executed_on": "2026-02-20",
        },
        {
            "external_reference": "R-2",
            "kind": "extradition",
            "requesting_country": "MA",
            "requested_country": "FR",
            "urgency": "urgent",
            "urgency_reason": "The person is held.",
            "sent_on": "2026-01-12",
            "refused_on": "2026-02-02",
            "refused_ground": "dual_criminality",
            "events": '[{"type": "reminded", "occurred_at": "2026-01-20T10:00:00+01:00", "note": "By telephone."}, '
            '{"type": "reminded", "occurred_on": "2026-01-19", "voided": {"reason": "Too early.", "replaced_by": 3}}]',
            "persons": '[{"part": "person_sought", "names": [{"family_names": "Ruiz", "given_names": "Julia"}], '
            '"born_on": "1987-05", "nationalities": ["ES"]}]',
            "notes": '[{"text": "The court rang: it expects the file by Friday."}]',
        },
    ),
    "directory": (
        {
            "external_reference": "D-1",
            "country": "Morocco",
            "authority": "Direction des affaires pénales et des grâces",
            "functions": "evidence; extradition",
            "languages": "ar; fr",
            "address": "Place El Mamounia\nRabat",
            "phone": "+212 537 00 00 00",
            "email": "authority@example.org",
            "valid_from": "2020-01-01",
        },
    ),
}


def sample_file(kind: str, form: str) -> str:
    """The sample of a kind as CSV, or as the NDJSON that says the same."""
    if form == "ndjson":
        return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in _OBJECTS[kind])
    text = io.StringIO()
    writer = csv.DictWriter(text, [column.name for column in COLUMNS[kind]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(SAMPLES[kind])
    return text.getvalue()


_OBJECTS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "agreements": (
        {
            "external_reference": "T-1",
            "title": "Convention on legal assistance in criminal matters",
            "kind": "mutual_legal_assistance",
            "parties": ["MA", {"country": "ES", "in_force_from": "2012-10-01"}],
            "signed_on": "2009-06-24",
            "languages": ["ar", "es"],
            "events": [{"type": "ratified", "occurred_on": "2010-03-01", "data": {"by": "ES"}}],
        },
    ),
    "requests": (
        {
            "external_reference": "R-1",
            "kind": "evidence",
            "requesting_country": "MA",
            "requested_country": "ES",
            "subject": "Bank records of a shipping agent",
            "agreement_reference": "T-1",
            "assistance": ["records"],
            "references": {"requesting": "17/2026"},
            "events": [
                {"type": "sent", "occurred_on": "2026-01-05"},
                {"type": "received", "occurred_on": "2026-01-07"},
                {"type": "information_requested", "occurred_on": "2026-01-15"},
                {"type": "information_supplied", "occurred_on": "2026-01-25", "data": {"answers_act": 3}},
                {
                    "type": "sent",
                    "occurred_on": "2026-01-04",
                    "voided": {"reason": "A day early.", "replaced_by": 1},
                },
            ],
            "persons": [{"part": "suspect", "names": [{"as_written": "Julia Ruiz"}], "born_on": "1987-05"}],
            "notes": [{"text": "The court rang: it expects the file by Friday."}],
        },
    ),
    "directory": (
        {
            "external_reference": "D-1",
            "country": "MA",
            "authority": "Direction des affaires pénales et des grâces",
        },
    ),
}
