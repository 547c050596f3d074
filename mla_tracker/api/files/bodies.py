"""What a record of a file may hold: the body of the API, and beside it what a file needs where an answer has ids."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from mla_tracker.api.agreement_bodies import AgreementEventData, NewAgreement, NewAgreementEvent
from mla_tracker.api.agreements import agreement_entry, event_entry
from mla_tracker.api.directory_bodies import DirectoryEntry
from mla_tracker.api.fields import Country, Entry, Paragraphs, ShortLine
from mla_tracker.api.person_bodies import PersonEntry
from mla_tracker.api.request_bodies import EventBody, EventData, RequestBody
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.importing_agreements import ImportedAgreement
from mla_tracker.commands.importing_further import Further, ImportedNote, ImportedPerson, ImportedVoid
from mla_tracker.commands.importing_requests import ImportedRequest
from mla_tracker.commands.notes import MOST_NOTES
from mla_tracker.commands.persons import MOST_PERSONS, NewPerson
from mla_tracker.domain.vocabulary import Act
from mla_tracker.storage.directory import DirectoryFields

MOST_EVENTS = 2000
"""Acts of one request in a file, those that were taken back included."""


class FileEventData(EventData):
    """What an act of a file says."""

    request_reference: ShortLine | None = Field(
        None, description="Of `linked`: the external reference of the other request, in place of its id."
    )
    answers_act: int | None = Field(
        None, ge=1, le=MOST_EVENTS, description="The place in this list of the act that it answers, from 1."
    )


class FileVoid(Entry):
    """That an act was taken back."""

    reason: Paragraphs | None = Field(None, description="Why; absent where it was erased.")
    replaced_by: int | None = Field(
        None, ge=1, le=MOST_EVENTS, description="The place in this list of the act put in its place, from 1."
    )
    by: Country | None = Field(None, description="Who took it back; by default who stated it.")

    def imported(self) -> ImportedVoid:
        """The same as the import takes it."""
        return ImportedVoid(self.reason, None if self.replaced_by is None else self.replaced_by - 1, self.by)


class FileEvent(EventBody):
    """An act of a file."""

    data: FileEventData = Field(default_factory=FileEventData)
    asserted_by: Country | None = Field(None, description="Who states it; by default your own country.")
    voided: FileVoid | None = None

    def entry(self) -> NewEvent:
        """The act as the command takes it, without what is named by reference or place."""
        beside = {"request_reference", "answers_act"}
        data = self.data.model_dump(mode="json", exclude_none=True, exclude=beside)
        if self.type is Act.LINKED and self.data.request_reference is not None:
            data["request_id"] = "00000000-0000-0000-0000-000000000000"  # until the other one is found
        return NewEvent(self.type, self.occurred_at, self.occurred_on, data, self.note, self.asserted_by)


class FilePerson(PersonEntry):
    """A person of a request of a file."""

    recorded_by: Country | None = Field(None, description="By default your own country.")

    def imported(self) -> ImportedPerson:
        """The person as the import takes it."""
        content = self.model_dump(mode="json", exclude={"part", "recorded_by"})
        return ImportedPerson(NewPerson(self.part, content), self.recorded_by)


class FileNote(Entry):
    """A note of a side of a request of a file."""

    text: Paragraphs
    country: Country | None = Field(None, description="Whose it is; by default your own country's.")

    def imported(self) -> ImportedNote:
        """The note as the import takes it."""
        return ImportedNote(self.text, self.country)


class FileRequest(RequestBody):
    """A request of a file."""

    id: Any = Field(None, description="Of an export; not looked at.")
    recorded_by: Country | None = Field(None, description="By default your own country.")
    agreement_reference: ShortLine | None = Field(
        None, description="The external reference that your country gave the agreement, in place of its id."
    )
    events: list[FileEvent] = Field(default_factory=list, max_length=MOST_EVENTS)  # type: ignore[assignment] # a narrower list, never written to
    persons: list[FilePerson] = Field(default_factory=list, max_length=MOST_PERSONS)
    notes: list[FileNote] = Field(default_factory=list, max_length=2 * MOST_NOTES)

    def imported(self) -> ImportedRequest:
        """The request as the import takes it."""
        return ImportedRequest(
            self.entry(),
            self.recorded_by,
            self.agreement_reference,
            links={
                place: event.data.request_reference
                for place, event in enumerate(self.events)
                if event.data.request_reference is not None and event.type is Act.LINKED
            },
            answers={
                place: event.data.answers_act - 1
                for place, event in enumerate(self.events)
                if event.data.answers_act is not None
            },
            further=Further(
                {place: event.voided.imported() for place, event in enumerate(self.events) if event.voided},
                [person.imported() for person in self.persons],
                [note.imported() for note in self.notes],
            ),
        )


class FileAgreementEventData(AgreementEventData):
    """What belongs to an event of a file."""

    superseded_by_reference: ShortLine | None = Field(
        None, description="The external reference of the other agreement, in place of its id."
    )


class FileAgreementEventVoid(Entry):
    """That an event was taken back."""

    reason: Paragraphs


class FileAgreementEvent(NewAgreementEvent):
    """An event of a file."""

    data: FileAgreementEventData = FileAgreementEventData()
    voided: FileAgreementEventVoid | None = None


class FileAgreement(NewAgreement):
    """An agreement of a file, with the events of its life."""

    id: Any = Field(None, description="Of an export; not looked at.")
    recorded_by: Country | None = Field(None, description="By default your own country.")
    events: list[FileAgreementEvent] = Field(default_factory=list, max_length=200)

    def imported(self) -> ImportedAgreement:
        """The agreement as the import takes it."""
        return ImportedAgreement(
            agreement_entry(self),
            [event_entry(event, leaving=("superseded_by_reference",)) for event in self.events],
            {
                place: event.data.superseded_by_reference
                for place, event in enumerate(self.events)
                if event.data.superseded_by_reference is not None
            },
            self.recorded_by,
            {place: event.voided.reason for place, event in enumerate(self.events) if event.voided},
        )


class FileDirectoryEntry(DirectoryEntry):
    """An entry of the directory, of a file."""

    id: Any = Field(None, description="Of an export; not looked at.")

    def imported(self) -> DirectoryFields:
        """The entry as the import takes it."""
        return self.fields()


FileBody = FileRequest | FileAgreement | FileDirectoryEntry

BODIES: Mapping[str, type[FileBody]] = {
    "requests": FileRequest,
    "agreements": FileAgreement,
    "directory": FileDirectoryEntry,
}
