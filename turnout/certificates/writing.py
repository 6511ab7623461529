"""The words of a new certificate: what its version will say, from the event, its design and its holder."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from turnout.certificates.earning import criteria, rules_of
from turnout.certificates.models import Certificate, Design, Role
from turnout.certificates.snapshots import Looks, Part, Signature, Snapshot
from turnout.core.languages import first_of_ours
from turnout.events.models import Event, Session
from turnout.events.queries import language_of

# By role: what the paper is called, and what its holder did.
USUAL = {
    Role.PARTICIPANT: (_("Certificate of participation"), _("has taken part in")),
    Role.SPEAKER: (_("Certificate of appreciation"), _("has given a talk at")),
    Role.ORGANISER: (_("Certificate of appreciation"), _("has organised")),
    Role.VOLUNTEER: (_("Certificate of appreciation"), _("has helped at")),
}
_GIVEN = {
    Role.SPEAKER: _("Given to those who spoke."),
    Role.ORGANISER: _("Given to those who organised it."),
    Role.VOLUNTEER: _("Given to those who helped."),
}


def design_of(event: Event) -> Design:
    """Return how the event's certificates look; the defaults where it has decided nothing."""
    return Design.objects.filter(pk=event.pk).first() or Design(event=event)


class Writer:
    """Writes for one event: what is the same for all holders is read once."""

    def __init__(self, event: Event) -> None:
        self._event, self._design, self._rules = event, design_of(event), rules_of(event)
        self._criteria: dict[str, str] = {}

    @cached_property
    def language(self) -> str:
        """Return the language of who has none of their own here."""
        return first_of_ours(self._design.language) or language_of(self._event)

    def snapshot(
        self, certificate: Certificate, hours: Decimal | None = None, sessions: Collection[UUID] = ()
    ) -> Snapshot:
        """Return what a certificate of the event says of its holder in its role."""
        event, role = self._event, Role(certificate.role)
        language = self._design.language or first_of_ours(certificate.language) or self.language
        title, text = self._wording(role, language)
        return Snapshot(
            name=certificate.full_name,
            role=role.value,
            title=title,
            text=text,
            event=event.title,
            issuer=self._issuer,
            location=event.location if event.offers_on_site else "",
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            timezone=event.timezone,
            hours=hours,
            language=language,
            criteria=self._criteria_in(role, language),
            sessions=tuple(
                Part(title=each.title, starts_at=each.starts_at, ends_at=each.ends_at)
                for pk, each in self._sessions.items()
                if pk in sessions
            ),
            looks=self._looks,
        )

    @cached_property
    def _sessions(self) -> Mapping[UUID, Session]:
        return {each.pk: each for each in self._event.sessions.defer("description").order_by("starts_at", "id")}

    @cached_property
    def _issuer(self) -> str:
        owner = self._event.owner
        return self._design.issuer or (owner.name if owner is not None else "") or settings.SITE_NAME

    @cached_property
    def _looks(self) -> Looks:
        design = self._design
        return Looks(
            template=str(design.template_id or design.base),
            paper=design.paper,
            orientation=design.orientation,
            color=design.color,
            logo="" if design.logo_id is None else str(design.logo_id),
            signatures=tuple(Signature(**each) for each in design.signatures),
        )

    def _wording(self, role: Role, language: str) -> tuple[str, str]:
        own: Mapping[str, Any] = self._design.wordings.get(role.value, {})
        with translation.override(language):
            title, text = (str(usual) for usual in USUAL[role])
        return own.get("title") or title, own.get("text") or text

    def _criteria_in(self, role: Role, language: str) -> str:
        if role != Role.PARTICIPANT:
            with translation.override(language):
                return str(_GIVEN[role])
        if language not in self._criteria:
            self._criteria[language] = criteria(self._event, self._rules, language)
        return self._criteria[language]
