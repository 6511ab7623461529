"""What is sent to write an event: its shape, and what it means for the event that is there."""

import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from turnout.api.certificates_rules import CertificateRuleSerializer
from turnout.api.fields import IdField, TextField, WebField
from turnout.api.moments import ClockField, moment_at
from turnout.api.questions import QuestionsField, read_questions
from turnout.certificates.actions.events import Rule
from turnout.events.actions import Capacity, Parts
from turnout.events.models import LANGUAGE_CODE, MOST_HOURS, AttendanceType, Event, Partner, Session, Speaker
from turnout.events.reminders import EARLIEST, MOST_REMINDERS, usual_hours
from turnout.events.timezones import zone_names
from turnout.registrations.actions.events import EventChange

_MOST_SEATS = 2**31 - 1  # what the column holds
_MOST_PARTS = 1000
_MOST_LANGUAGES = 50
_MOMENTS = ("starts_at", "ends_at", "registration_opens_at", "registration_closes_at")
# What the action takes as it was sent.
_PLAIN = (
    "title",
    "description",
    "kind",
    "website",
    "image",
    "location",
    "online_url",
    "timezone",
    "waitlist_enabled",
    "approval_required",
    "offer_hours",
    "ask_hours",
    "release_hours",
    "reminder_hours",
    *_MOMENTS,
)

_Row = TypeVar("_Row", Speaker, Partner)


class SeatsField(serializers.IntegerField):
    """How many may come; null is any number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=_MOST_SEATS, allow_null=True, required=False, **options)


class HoursField(serializers.IntegerField):
    """So many hours, up to a year of them; null switches it off."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MOST_HOURS, allow_null=True, default=None, **options)


class LanguageField(serializers.CharField):
    """A language's code, such as `en` or `pt-br`."""

    def to_internal_value(self, data: Any) -> str:
        """Return the code in lower case."""
        code = super().to_internal_value(data).lower()
        if code:
            try:
                LANGUAGE_CODE(code)
            except ModelValidationError as error:
                raise serializers.ValidationError(
                    _("This is no language code, such as en or pt-br."), "invalid"
                ) from error
        return code


class CapacitiesInputSerializer(serializers.Serializer[Any]):
    """Capacity by attendance type; null is any number, one that is not named stays as it is."""

    on_site = SeatsField()
    online = SeatsField()


class SessionInputSerializer(serializers.Serializer[Any]):
    """A session; with the id of one that is there it is that one."""

    id = IdField(required=False, allow_null=True)
    title = serializers.CharField(max_length=200)
    starts_at = ClockField()
    ends_at = ClockField()
    room = TextField(max_length=100)
    track = TextField(max_length=100, required=False)
    language = LanguageField(max_length=12, required=False, allow_blank=True)
    description = TextField(required=False)


class EventInputSerializer(serializers.Serializer[Any]):
    """An event as it is written. What is not named here is ignored: owner, id, counters.

    Replacing an event gives what is not sent its default; `capacity`, `capacities`, `status`, `kind`, `timezone`,
    `attendance_types`, `questions` and `certificate_rule` stay as they are.
    """

    title = serializers.CharField(max_length=200)
    description = TextField()
    kind = serializers.ChoiceField(Event.Kind.choices, required=False)
    status = serializers.ChoiceField(
        Event.Status.choices, required=False, help_text="`cancelled` is ignored: DELETE cancels, and tells everybody."
    )
    language = LanguageField(required=False, allow_blank=True, max_length=12, help_text="The main language.")
    languages = serializers.ListField(
        child=LanguageField(max_length=12), max_length=_MOST_LANGUAGES, default=list, help_text="The main one first."
    )
    location = TextField(max_length=200)
    website = WebField()
    image = WebField()
    online_url = WebField(help_text="Shown to confirmed people and to the team.")
    attendance_types = serializers.ListField(
        child=serializers.ChoiceField(AttendanceType.choices), required=False, allow_empty=False, max_length=2
    )
    timezone = serializers.CharField(required=False, max_length=64, help_text="An IANA name. Default: the site's.")
    starts_at = ClockField(help_text="Without an offset it is what clocks in the event's timezone show.")
    ends_at = ClockField()
    registration_opens_at = ClockField(allow_null=True, default=None)
    registration_closes_at = ClockField(allow_null=True, default=None)
    capacity = SeatsField(help_text="In all; null is any number. Ignored where `capacities` counts by type.")
    capacities = CapacitiesInputSerializer(required=False, allow_null=True)
    waitlist_enabled = serializers.BooleanField(default=True)
    approval_required = serializers.BooleanField(default=False, help_text="The team decides on everybody.")
    offer_hours = HoursField(help_text="So long a free seat is kept for who is first in line. Null: it is theirs.")
    ask_hours = HoursField(help_text="So long before it starts people are asked whether they still come.")
    release_hours = HoursField(help_text="So long before it starts seats of those who did not answer are released.")
    reminder_hours = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=EARLIEST),
        default=usual_hours,
        max_length=MOST_REMINDERS,
        help_text="So many hours before it starts people are reminded, such as [24, 1].",
    )
    sessions = serializers.ListField(child=SessionInputSerializer(), default=list, max_length=_MOST_PARTS)
    questions = QuestionsField()
    speakers = serializers.ListField(child=IdField(), default=list, max_length=_MOST_PARTS)
    partner = IdField(allow_null=True, default=None)
    certificate_rule = CertificateRuleSerializer(
        required=False, allow_null=True, help_text="What is not sent of it stays. Null: nothing is decided."
    )

    instance: Event | None

    def validate_timezone(self, name: str) -> str:
        """Refuse what is no timezone's name: by it the other times are read."""
        if name not in zone_names():
            raise serializers.ValidationError(
                _("This is not the name of a timezone, such as Africa/Algiers."), "invalid"
            )
        return name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Read the clocks, and find what is named by its id."""
        timezone = attrs.get("timezone") or (self.instance.timezone if self.instance else settings.TIME_ZONE)
        zone = zoneinfo.ZoneInfo(timezone)
        read = attrs | _read_clocks(attrs, _MOMENTS, zone)
        if self.instance is None:
            read["timezone"] = timezone
        if "sessions" in read:
            read["sessions"] = self._sessions(read["sessions"], zone)
        if "questions" in read:
            read["questions"] = read_questions(read["questions"], self.instance)
        if "speakers" in read:
            read["speakers"] = _named(Speaker.objects.all(), read["speakers"], "speakers")
        if read.get("partner"):
            read["partner"] = _named(Partner.objects.all(), [read["partner"]], "partner")[0]
        return read

    def change(self) -> EventChange:
        """Return what was sent, in the words of the action."""
        return self.meant_by(self.validated_data)

    def rule(self) -> Rule | None:
        """Return by what its certificates are to be earned, if that was sent."""
        sent = self.validated_data
        return Rule(sent["certificate_rule"]) if "certificate_rule" in sent else None

    def meant_by(self, sent: Mapping[str, Any]) -> EventChange:
        """Return the same for what was sent as part of something else."""
        fields = {name: sent[name] for name in (*_PLAIN, "partner") if name in sent}
        if sent.get("status") in {Event.Status.DRAFT, Event.Status.PUBLISHED}:
            fields["status"] = sent["status"]
        if "attendance_types" in sent:
            fields["offers_on_site"] = AttendanceType.ON_SITE in sent["attendance_types"]
            fields["offers_online"] = AttendanceType.ONLINE in sent["attendance_types"]
        lists = {name: sent.get(name) for name in ("speakers", "sessions", "questions")}
        parts = Parts(languages=self._languages(sent), **lists)
        return EventChange(fields, parts, _capacity(sent))

    def _languages(self, sent: Mapping[str, Any]) -> list[str] | None:
        """Return all languages, the main one first: it may be sent alone, or with the others."""
        if "language" not in sent:
            return sent.get("languages")
        if "languages" in sent:
            others = sent["languages"]
        else:
            others = [language.code for language in self.instance.languages.all()][1:] if self.instance else []
        return [code for code in (sent["language"], *others) if code]

    def _sessions(self, sent: Sequence[dict[str, Any]], zone: tzinfo) -> list[Session]:
        """Return the sessions there are to be: known ones with what was sent of them, and new ones."""
        known = {session.pk: session for session in self.instance.sessions.all()} if self.instance else {}
        faults: dict[int, Any] = {}
        sessions = []
        for index, fields in enumerate(sent):
            try:
                sessions.append(self._session(known, fields, zone))
            except serializers.ValidationError as error:
                faults[index] = error.detail
        if faults:
            raise serializers.ValidationError({"sessions": {str(index): fault for index, fault in faults.items()}})
        return sessions

    def _session(self, known: dict[UUID, Session], fields: dict[str, Any], zone: tzinfo) -> Session:
        key = fields.pop("id", None)
        # Of a new event none is known, whatever it was copied from; of another one each is named once.
        session = Session() if key is None or self.instance is None else known.pop(key, None)
        if session is None:
            message = _("This event has no session with this id.")
            raise serializers.ValidationError({"id": [message]}, "does_not_exist")
        for name, value in (fields | _read_clocks(fields, ("starts_at", "ends_at"), zone)).items():
            setattr(session, name, value)
        return session


def _read_clocks(sent: Mapping[str, Any], names: Sequence[str], zone: tzinfo) -> dict[str, datetime]:
    """Return those of the times that were sent as moments; ValidationError that names each at fault."""
    moments, faults = {}, {}
    for name in names:
        if sent.get(name) is not None:
            try:
                moments[name] = moment_at(sent[name], zone)
            except serializers.ValidationError as error:
                faults[name] = error.detail
    if faults:
        raise serializers.ValidationError(faults)
    return moments


def _named(rows: "QuerySet[_Row]", ids: Sequence[UUID], field: str) -> list[_Row]:
    """Return the rows of these ids, by one query; ValidationError that names the ones that are not there."""
    found = rows.in_bulk(ids)
    message = _("There is nothing with this id.")
    missing = {str(index): [message] for index, pk in enumerate(ids) if pk not in found}
    if missing:
        faults: Any = missing if field == "speakers" else [message]
        raise serializers.ValidationError({field: faults}, "does_not_exist")
    return [found[pk] for pk in dict.fromkeys(ids)]


def _capacity(sent: Mapping[str, Any]) -> Capacity | None:
    """Return how many may come, if that was sent: by type where it is said so, else in all."""
    if sent.get("capacities"):
        return Capacity(by_type=sent["capacities"])
    return Capacity(in_all=sent["capacity"]) if "capacity" in sent else None
