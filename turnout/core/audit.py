"""The audit trail: who did what to which thing, and when. Rows are only ever added."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Max

from turnout.core.clock import now
from turnout.core.models import AuditEntry

GUEST = "guest"
SYSTEM = "system"


def actor_of(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return the name under which the trail knows somebody."""
    return f"user:{user.pk}" if user.is_authenticated else GUEST


def record(actor: str, verb: str, subject: uuid.UUID, data: Mapping[str, object] | None = None) -> AuditEntry:
    """Write down a deed, in the deed's own transaction, and return what was written.

    `actor` is `guest`, `system` or what `actor_of` returns; `verb` names the deed as `<thing>.<what happened>`; `data`
    holds what changed, and never a secret.
    """
    return AuditEntry.objects.create(actor=actor, verb=verb, subject=subject, data=dict(data or {}), at=now())


def record_many(actor: str, verb: str, subjects: Iterable[uuid.UUID]) -> None:
    """Write down the same deed on many things, in one statement."""
    at = now()
    AuditEntry.objects.bulk_create(AuditEntry(actor=actor, verb=verb, subject=subject, at=at) for subject in subjects)


def last_deeds(subjects: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when something was last done to each of these things; those to which nothing ever was are left out."""
    deeds = AuditEntry.objects.filter(subject__in=subjects).order_by()
    return dict(deeds.values("subject").annotate(last=Max("at")).values_list("subject", "last"))


def latest(*verbs: str) -> uuid.UUID | None:
    """Return the id of the last deed of these kinds: as long as it is the same, nothing of the kind was done."""
    ids = (AuditEntry.objects.filter(verb=verb).order_by("-id").values_list("id", flat=True).first() for verb in verbs)
    return max((found for found in ids if found is not None), default=None)
