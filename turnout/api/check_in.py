"""The door: scans with network, scans afterwards, and what a scanner takes along."""

import functools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.devices import MOST_QUEUED, clock_error_ms
from turnout.api.door_views import DoorView
from turnout.api.errors import as_json, faults_of
from turnout.api.fields import read
from turnout.api.moments import ClockField
from turnout.api.permissions import doorkeeper
from turnout.api.scans import ScanSerializer, row_of
from turnout.api.schema import FaultSerializer
from turnout.attendance.actions.corrections import undo
from turnout.attendance.actions.devices import note_seen
from turnout.attendance.actions.scanning import MOST_AT_ONCE, Answer, check_in, sync
from turnout.attendance.cases import Attempt
from turnout.attendance.clocks import device_moment, with_offsets
from turnout.attendance.models import LONGEST_LABEL, Scan
from turnout.attendance.queries import door_answers, find_scan
from turnout.core.errors import TooLargeError
from turnout.events.models import AttendanceType
from turnout.events.timezones import YEARS
from turnout.registrations.models import Registration

_LONGEST_TEXT = 8192  # whatever somebody holds before the camera is answered, not refused
_LONGEST_REASON = 500
_MOST_OFFSET = 2**53
_AFTERWARDS = 5000  # milliseconds
RESULTS = [*Scan.Result.values, "malformed", "not_found"]


class AttemptSerializer(serializers.Serializer[Attempt]):
    """A scan: of a ticket, or of a registration that was found by name."""

    scan_id = serializers.RegexField(
        r"^[A-Za-z0-9._:-]{1,64}\Z", help_text="The device's own name for it: the same again is the same deed."
    )
    ticket = serializers.CharField(max_length=_LONGEST_TEXT, trim_whitespace=False, required=False, allow_null=True)
    registration = serializers.UUIDField(required=False, allow_null=True)
    event = serializers.UUIDField(
        required=False, allow_null=True, help_text="At whose door; if not said, the session's or else the ticket's."
    )
    session = serializers.UUIDField(required=False, allow_null=True)
    direction = serializers.ChoiceField(Scan.Direction.choices, default=Scan.Direction.IN, allow_null=True)
    scanned_at = ClockField(help_text="By the device's clock; without an offset, as clocks at the event show it.")
    clock_offset_ms = serializers.IntegerField(
        default=0,
        allow_null=True,
        min_value=-_MOST_OFFSET,
        max_value=_MOST_OFFSET,
        help_text="What to add to the device's clock to get ours, as it was when it fetched the bundle.",
    )
    device = serializers.CharField(
        max_length=LONGEST_LABEL,
        allow_blank=True,
        allow_null=True,
        default="",
        help_text="A paired device's own name counts.",
    )
    door = serializers.CharField(max_length=LONGEST_LABEL, allow_blank=True, allow_null=True, default="")
    passed = serializers.BooleanField(
        default=True, allow_null=True, help_text="Of a scan made offline: whether the device let them through."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that it names somebody, at a moment that makes sense."""
        attrs = _clean(attrs)
        if ("ticket" in attrs) == ("registration" in attrs):
            raise serializers.ValidationError({"ticket": "Name a ticket or a registration, not both."}, "required")
        try:
            corrected = attrs["scanned_at"] + timedelta(milliseconds=attrs.get("clock_offset_ms", 0))
            sound = {attrs["scanned_at"].year, corrected.year} <= {*YEARS}
        except OverflowError:
            sound = False
        if not sound:
            message = f"The year must be from {YEARS[0]} to {YEARS[-1]}."
            raise serializers.ValidationError({"scanned_at": message}, "invalid")
        return attrs


class HereSerializer(serializers.Serializer[Any]):
    """What a paired device tells of itself along the way."""

    battery = serializers.IntegerField(min_value=0, max_value=100, required=False, allow_null=True)
    queued = serializers.IntegerField(min_value=0, max_value=MOST_QUEUED, required=False, allow_null=True)


class CheckInSerializer(AttemptSerializer, HereSerializer):
    """A scan with network."""


class FirstSerializer(serializers.Serializer[Scan]):
    """When and where somebody went in first."""

    scan_id = serializers.CharField()
    at = serializers.DateTimeField()
    device = serializers.CharField()
    door = serializers.CharField(allow_blank=True)


class DoorAnswerSerializer(serializers.Serializer[Any]):
    """An answer that is marked to be seen at the door."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field, not the argument
    answer = serializers.JSONField()


class AtDoorSerializer(serializers.Serializer[Any]):
    """Somebody, as scanners see them: no address, no phone."""

    id = serializers.UUIDField()
    full_name = serializers.CharField()
    status = serializers.ChoiceField(Registration.Status.choices)
    attendance_type = serializers.ChoiceField(AttendanceType.choices)
    checked_in_at = serializers.DateTimeField(allow_null=True, help_text="Here: at the event, or in this session.")
    note = serializers.CharField(allow_blank=True)
    answers = DoorAnswerSerializer(many=True)


class OutcomeSerializer(serializers.Serializer[Any]):
    """What a scan came to."""

    scan_id = serializers.CharField()
    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField(help_text="The same for people.")
    at = serializers.DateTimeField(allow_null=True, help_text="By our clock.")
    session = serializers.UUIDField(allow_null=True)
    direction = serializers.ChoiceField(Scan.Direction.choices, allow_null=True)
    device = serializers.CharField(allow_blank=True)
    door = serializers.CharField(allow_blank=True)
    first = FirstSerializer(allow_null=True, help_text="Of who was in already.")


class CheckedInSerializer(OutcomeSerializer):
    """The same, and who it was."""

    registration = AtDoorSerializer(allow_null=True)


class SyncedSerializer(OutcomeSerializer):
    """The same, of one of many."""

    registration = serializers.UUIDField(allow_null=True)
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]  # a field, not the property


class SyncSerializer(HereSerializer):
    """Scans that were made offline, in any order."""

    scans = serializers.ListField(child=serializers.JSONField(allow_null=True), help_text=f"{MOST_AT_ONCE} at most.")
    sent_at = ClockField(required=False, allow_null=True, help_text="By the device's clock, now.")
    clock_offset_ms = serializers.IntegerField(default=0, min_value=-_MOST_OFFSET, max_value=_MOST_OFFSET)


class SyncSchemaSerializer(SyncSerializer):
    """The same, for the document."""

    scans = AttemptSerializer(many=True)  # type: ignore[assignment]  # what is in the list


class SyncResultsSerializer(serializers.Serializer[Any]):
    """What each came to, in the order sent."""

    results = SyncedSerializer(many=True)


class UndoSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=_LONGEST_REASON)
    event = serializers.UUIDField(required=False, help_text="Where scans of several events have the same name.")


class CheckInView(DoorView):
    """A scan with network."""

    problems: ClassVar = {"post": (403, 404, 409)}

    @extend_schema(operation_id="check_in", request=CheckInSerializer, responses={200: CheckedInSerializer})
    def post(self, request: Request) -> Response:
        """Let somebody in or out, or say why not. The same `scan_id` again has the same answer."""
        keeper, sent = doorkeeper(request), _clean(_check_in_serializer().run_validation(request.data))
        here = {"battery": sent.pop("battery", None), "queued": sent.pop("queued", None)}
        (attempt,) = with_offsets(keeper, [Attempt(**sent)])
        answer = check_in(keeper, attempt)
        if keeper.device is not None:
            error = clock_error_ms(attempt.scanned_at, attempt.clock_offset_ms)
            on_time = error is not None and error > -_AFTERWARDS  # else it is a scan that is sent again
            note_seen(keeper.device, clock_error_ms=error if on_time else None, **here)
        return Response({**_outcome(answer), "registration": _at_door(answer)})


class SyncView(DoorView):
    """Scans without network."""

    problems: ClassVar = {"post": (403, 404, 413)}

    @extend_schema(operation_id="check_in_sync", request=SyncSchemaSerializer, responses={200: SyncResultsSerializer})
    def post(self, request: Request) -> Response:
        """Keep scans made offline: in any order, as often as wanted, the end is the same. Each is answered on its own.

        `malformed` is answered, with `errors`, for what can't be read; `not_found` for what is not at your doors.
        """
        keeper, sent = doorkeeper(request), read(SyncSerializer(data=request.data))
        if len(sent["scans"]) > MOST_AT_ONCE:
            raise TooLargeError(f"At most {MOST_AT_ONCE} scans at once.")
        serializer = _attempt_serializer()
        parsed = [_parsed(serializer, each) for each in sent["scans"]]
        attempts = with_offsets(keeper, [each for each in parsed if isinstance(each, Attempt)])
        answers = iter(sync(keeper, attempts))
        if keeper.device is not None:
            sent_at = sent.get("sent_at") and device_moment(keeper.device, sent["sent_at"])
            error = clock_error_ms(sent_at, sent["clock_offset_ms"])
            note_seen(keeper.device, battery=sent.get("battery"), queued=sent.get("queued"), clock_error_ms=error)
        return Response({"results": [_synced(next(answers)) if isinstance(p, Attempt) else p for p in parsed]})


class UndoScanView(DoorView):
    """A scan that was a mistake."""

    problems: ClassVar = {"post": (403, 409)}

    @extend_schema(operation_id="check_in_undo", request=UndoSerializer, responses={200: ScanSerializer})
    def post(self, request: Request, scan_id: str) -> Response:
        """Let a scan count no more. It stays, with the reason."""
        sent, keeper = read(UndoSerializer(data=request.data)), doorkeeper(request)
        scan = find_scan(keeper, scan_id, sent.get("event"))
        return Response(row_of(undo(scan, sent["reason"], actor=keeper.actor)))


# Making one takes longer than reading with it, and reading changes nothing of it.


@functools.cache
def _check_in_serializer() -> CheckInSerializer:
    return CheckInSerializer()


@functools.cache
def _attempt_serializer() -> AttemptSerializer:
    return AttemptSerializer()


def _clean(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if value is not None}


def _parsed(serializer: AttemptSerializer, sent: Any) -> Attempt | dict[str, Any]:
    """Return a scan of many, or the answer to one that can't be read."""
    try:
        return Attempt(**_clean(serializer.run_validation(sent)))
    except serializers.ValidationError as error:
        name = sent.get("scan_id") if isinstance(sent, dict) else None
        return _nothing(name if isinstance(name, str) else "", "malformed") | {"errors": as_json(faults_of(error))}


def _nothing(scan_id: str, result: str) -> dict[str, Any]:
    """Return the answer to a scan of which nothing is kept."""
    reason = Scan.Result(result).label if result in Scan.Result else "This was not kept."
    told: dict[str, Any] = {"scan_id": scan_id, "result": result, "reason": str(reason), "device": "", "door": ""}
    return told | dict.fromkeys(("at", "session", "direction", "first", "registration"))


def _outcome(answer: Answer) -> dict[str, Any]:
    scan, first = answer.scan, answer.first
    if scan is None:
        return _nothing(answer.case.attempt.scan_id, Scan.Result.INVALID_TICKET)
    names = ("scan_id", "at", "device", "door")
    return {
        **{name: getattr(scan, name) for name in (*names, "direction", "result")},
        "session": scan.session_id,
        "reason": str(Scan.Result(scan.result).label),
        "first": {name: getattr(first, name) for name in names}
        if first and scan.result == Scan.Result.ALREADY_CHECKED_IN
        else None,
    }


def _synced(answer: Answer) -> dict[str, Any]:
    fault = answer.fault
    if fault is not None:
        result = "not_found" if fault.code == "not_found" else "malformed"
        return _nothing(answer.case.attempt.scan_id, result) | {"errors": as_json([fault])}
    return {**_outcome(answer), "registration": answer.scan and answer.scan.registration_id}


def _at_door(answer: Answer) -> dict[str, Any] | None:
    registration = answer.case.registration
    if registration is None:
        return None
    answers: Iterable[tuple[str, object]] = ()
    if registration.answers:
        answers = door_answers(registration.event_id, [registration]).get(registration.pk, ())
    return {
        "id": registration.pk,
        "full_name": registration.full_name,
        "status": registration.status,
        "attendance_type": registration.attendance_type,
        "checked_in_at": answer.first.at if answer.first else None,
        "note": getattr(registration, "note", None) or "",
        "answers": [{"label": label, "answer": value} for label, value in answers],
    }
