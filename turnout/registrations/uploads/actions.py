"""How files come, become somebody's, and go."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError, UnavailableError
from turnout.core.transactions import transactional
from turnout.events.models import Event, Question
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows
from turnout.media import vault
from turnout.media.files import check_size, kind_of, safe_name
from turnout.registrations.answers import Answers
from turnout.registrations.attacks.queries import under_attack
from turnout.registrations.models import Registration, Upload
from turnout.registrations.queries import registration_closed

UNCLAIMED_LIVES = timedelta(days=1)
_MOST_UNCONFIRMED = 2 * 1024**3  # bytes, of one event: whoever has many networks fills no disk
_SWEEP_BATCH = 200
_MEGABYTE = 1024**2
_MEGABYTES = windows("300/day")  # of one network at one event, a begun one counts: no network fills an event's room


def receive(event: Event, name: str, content: bytes, *, client: str = "") -> Upload:
    """Keep a file that somebody sent to an event, for a day, or until a registration there answers with it.

    Its type is told by its content. The row is written before the file, so that a file without a row can't be: this
    must be the outermost action. `client` is the network they come from: it may send 300 MB a day to an event, and
    under attack as often as register.
    Raises TooLargeError, UnsupportedTypeError, ThrottledError; ConflictError `no_file_asked`, `registration_closed`;
    UnavailableError where files that nobody has confirmed fill the event's room.
    """
    check_size(len(content))
    kind = kind_of(content)
    _check_wanted(event)
    for _megabyte in range(0, len(content), _MEGABYTE):
        admit(Claim("upload.event", f"{event.id} {client}", _MEGABYTES))
    if under_attack(event.id):
        admit(Claim("attack", f"{event.id} {client}", settings.THROTTLES["attack"]))
    upload = _note(event, Upload(name=safe_name(name, kind), size=len(content)))
    vault.put(upload.path, content, upload.key)
    return upload


@transactional
def claim(registration: Registration, questions: Sequence[Question], answers: Answers) -> None:
    """Make the files in these answers the registration's, and let go of those it answers with no more.

    Each becomes somebody's once. InvalidError `upload_unknown` at the question for one that is not there for this
    event, or is somebody's already. Part of the deed that writes the answers.
    """
    held = {str(pk) for pk in Upload.objects.filter(registration=registration).values_list("pk", flat=True)}
    given = _files(questions, answers)
    for key, upload in given.items():
        if list(given.values()).count(upload) > 1 or (upload not in held and not _claim(registration, upload)):
            message = _("This file is not there any more. Send it again.")
            raise InvalidError.at(Fault(f"/answers/{key}", "upload_unknown", message))
    kept = {answer["value"] for answer in answers.values() if isinstance(answer["value"], str)}
    let_go(Upload.objects.filter(registration=registration, pk__in=held - kept))


@transactional
def let_go(uploads: QuerySet[Upload]) -> None:
    """Take these files from whose they were: their keys are gone at once, and the worker removes what is left."""
    uploads.update(registration=None, expires_at=now(), key="", name="")


def forget_uploads() -> int:
    """Remove up to 200 files that are nobody's and too old, or of registrations never confirmed; say how many.

    A file goes before its row: what is interrupted is done again.
    """
    # One rolled back may be returned as long as it could be confirmed.
    never = Q(registration__status=Registration.Status.CANCELLED, registration__confirmed_at__isnull=True)
    over = Q(registration__status=Registration.Status.EXPIRED) | never & Q(registration__expires_at__lte=now())
    due = Upload.objects.filter(Q(expires_at__lte=now()) | over).order_by("created_at")
    removed = 0
    for upload in due[:_SWEEP_BATCH]:
        try:
            vault.drop(upload.path)
        except UnavailableError:
            continue  # it is still due; the vault has logged why
        upload.delete()
        removed += 1
    return removed


@transactional
def _note(event: Event, upload: Upload) -> Upload:
    start = now()
    upload.event, upload.key = event, vault.new_key()
    upload.created_at, upload.expires_at = start, start + UNCLAIMED_LIVES
    upload.save(force_insert=True)
    audit.record(audit.GUEST, "upload.received", upload.id, {"event": str(event.id), "bytes": upload.size})
    return upload


def _check_wanted(event: Event) -> None:
    if event.status != Event.Status.PUBLISHED or event.ends_at <= now():
        raise registration_closed(event)
    if not Question.objects.asked_at(event.pk).filter(type=Question.Type.FILE).exists():
        raise ConflictError(_("This event asks for no file."), "no_file_asked")
    unconfirmed = Q(registration__isnull=True) | Q(registration__confirmed_at__isnull=True)
    lying = Upload.objects.filter(unconfirmed, event=event).aggregate(bytes=Sum("size"))["bytes"] or 0
    if lying >= _MOST_UNCONFIRMED:
        raise UnavailableError(_("Too many files are waiting here. Try again tomorrow."), "uploads_full")


def _files(questions: Iterable[Question], answers: Answers) -> Mapping[str, str]:
    """Return the files that answer today's questions, by the questions' keys."""
    keys = {str(question.pk): str(question.key) for question in questions if question.type == Question.Type.FILE}
    return {keys[answer["question"]]: str(answer["value"]) for answer in answers.values() if answer["question"] in keys}


def _claim(registration: Registration, upload: str) -> bool:
    there = Upload.objects.filter(pk=upload, event=registration.event_id, registration=None, expires_at__gt=now())
    return there.update(registration=registration, expires_at=None) == 1
