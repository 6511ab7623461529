"""The permission matrix, docs/permissions.md: read, and asked of the running product."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from tests.support import door, make
from tests.support.files import LOGO, PDF
from turnout.accounts.models import Role, User
from turnout.attendance.actions.devices import add_device
from turnout.attendance.actions.stays import set_door_rules
from turnout.attendance.room_codes import room_code
from turnout.certificates.actions import Named, issue_by_hand
from turnout.certificates.models import Role as CertifiedRole
from turnout.certificates.models import Template
from turnout.core import audit
from turnout.core.clock import now
from turnout.events.actions import save_partner, save_speaker
from turnout.events.actions.questions import QuestionDraft
from turnout.events.actions.teams import add_member
from turnout.events.dates import Start
from turnout.events.models import Event, Partner, Speaker, TeamMember
from turnout.notifications.models import Message
from turnout.notifications.webhooks.actions import add, send_test
from turnout.notifications.webhooks.models import Delivery, Webhook
from turnout.notifications.webhooks.network import public_url
from turnout.registrations.actions.series import make_series
from turnout.registrations.mailings.actions import Draft, send_mailing
from turnout.registrations.mailings.segments import Segment
from turnout.registrations.models import Registration
from turnout.registrations.texts.actions import set_text
from turnout.registrations.texts.writing import Text
from turnout.registrations.tickets import ticket_text
from turnout.registrations.uploads.actions import receive

TABLE = Path(__file__).parents[2] / "docs/permissions.md"
ACTORS = (
    "anonymous",
    "unverified",
    "seeker",
    "owner",
    "manager",
    "scanner",
    "other facilitator",
    "staff without second factor",
    "staff",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HOOK = "https://93.184.215.14/hook"
PAPER = "= Certificate"
ANY = "any"  # the method of an address that answers all of them alike
BY_PREFIX = ("/admin/",)  # others' work, in one row each


@dataclass(frozen=True, slots=True)
class Row:
    """What each actor is answered, by status, who asks for a route with a method."""

    route: str
    method: str
    statuses: dict[str, int]

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def table() -> list[Row]:
    """Return the rows of the committed table."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    head, *rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    assert head == ["route", "method", *ACTORS]
    return [Row(route, method, dict(zip(ACTORS, map(int, cells), strict=True))) for route, method, *cells in rows[1:]]


def routes(patterns: list[Any] | None = None, before: str = "/") -> Iterator[tuple[str, Any]]:
    """Yield every address of the product, with what answers it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if route.startswith(BY_PREFIX):
            yield route, None
        elif isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


@dataclass
class World:
    """An event with all that hangs on it, and everybody who may ask for it."""

    owner: User = field(default_factory=make.user)

    def __post_init__(self) -> None:
        self.partner = save_partner(Partner(name="Partner", owner=self.owner))
        self.speaker = save_speaker(Speaker(name="Speaker", owner=self.owner))
        self.event: Event
        self.event, (passport,) = make.asking(QuestionDraft("Passport", "file"), owner=self.owner)
        self.manager, self.scanner = make.user(role=Role.SEEKER), make.user(role=Role.SEEKER)
        self.member: TeamMember = self._share(self.event).team.get(role=TeamMember.Role.MANAGER)
        first = self._share(make.event(owner=self.owner))
        self.series = make_series(first, [Start(datetime(2030, 5, 6, 10, tzinfo=UTC), "")])
        self.pending = make.pending(self.event)
        self.webhook, self.delivery = self._told(topic=self.event.pk)
        self.own_webhook, self.own_delivery = self._told(account=self.owner.pk)
        self.device, self.code = add_device(self.event, "Tablet", "North", actor=audit.SYSTEM)
        set_door_rules(self.event, {"self_check_in": True}, actor=audit.SYSTEM)
        self.upload = receive(self.event, "passport.pdf", PDF)
        self.registration = make.confirmed(self.event, answers={str(passport.key): str(self.upload.pk)})
        people = Registration.objects.filter(event=self.event)
        self.mailing = send_mailing(self.event, Draft(Text("Hello", "Hello"), Segment()), people, author=self.owner)
        self.message = Message.objects.get(kind="registration.confirmed", subject=self.registration.pk)
        set_text(self.event, "confirmed", "en", Text("Hello", "Hello"))
        self.scan = door.double(self.owner, make.confirmed(self.event, answers={str(passport.key): ""}))

        self.template = Template.objects.create(name="Own", source=PAPER, made_by=audit.SYSTEM, created_at=now())
        with time_machine.travel(self.event.ends_at + timedelta(hours=1)):
            named = Named(full_name="Sami")
            self.certificate = issue_by_hand(self.event, CertifiedRole.SPEAKER, named, actor=audit.SYSTEM)

    def _told(self, **whose: UUID) -> tuple[Webhook, Delivery]:
        """Return a webhook, and something that it was told."""
        webhook = add(public_url(HOOK), actor=audit.SYSTEM, **whose)
        delivery = send_test(webhook, actor=audit.SYSTEM)
        delivery.state, delivery.sent_at = Delivery.State.SENT, now()
        delivery.save()
        return webhook, delivery

    def _share(self, event: Event) -> Event:
        add_member(event, self.manager.email, TeamMember.Role.MANAGER)
        add_member(event, self.scanner.email, TeamMember.Role.SCANNER)
        return event

    def client(self, actor: str) -> APIClient:
        """Return the client of one of the actors."""
        makers: dict[str, Callable[[], APIClient]] = {
            "anonymous": make.client,
            "unverified": lambda: make.client(make.user(address_verified=False)),
            "seeker": lambda: make.client(make.user(role=Role.SEEKER)),
            "owner": lambda: make.client(self.owner),
            "manager": lambda: make.client(self.manager),
            "scanner": lambda: make.client(self.scanner),
            "other facilitator": lambda: make.client(make.user()),
            # Without the role that lets anybody own events: what they may then, they may as staff.
            "staff without second factor": lambda: make.client(make.user(role=Role.SEEKER, is_staff=True)),
            "staff": lambda: make.client(make.user(role=Role.SEEKER, is_staff=True), second_factor=True),
        }
        return makers[actor]()

    def answer(self, client: APIClient, route: str, method: str) -> int:
        """Return the status of the least request that is valid; whatever it did is undone."""
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: self._named(route, match[1]), route)
        if (route, method) == ("/confirm/", "GET"):
            path += f"?token={self.pending.confirmation_token}"
        cookies = copy.copy(client.cookies)
        with transaction.atomic():
            body = self._body(route, method)
            in_json = route.startswith("/api/") and "file" not in body
            sent = {} if method in {"GET", ANY} else {"data": body, "format": "json" if in_json else "multipart"}
            answer = getattr(client, "get" if method == ANY else method.lower())(path, **sent)
            status: int = answer.status_code
            list(getattr(answer, "streaming_content", ()))  # whose end closes what is streamed
            transaction.set_rollback(True)
        client.cookies = cookies
        return status

    def _named(self, route: str, name: str) -> str:
        """Return what stands for a placeholder."""
        webhook, delivery = (
            (self.own_webhook, self.own_delivery)
            if route.startswith("/api/webhooks/")
            else (self.webhook, self.delivery)
        )
        by_name = {
            "webhook_id": webhook.pk,
            "registration_id": self.registration.pk,
            "event_id": self.event.pk,
            "series_id": self.series.pk,
            "upload_id": self.upload.pk,
            "rollback_id": self.event.pk,  # there is none
            "user_id": self.owner.pk,
            "calendar_key": self.owner.calendar_url.rpartition("/")[2].removesuffix(".ics"),
            "notice_id": self.event.pk,  # nor this
            "mailing_id": self.mailing.pk,
            "message_id": self.message.pk,
            "device_id": self.device.pk,
            "certificate_id": self.certificate.pk,
            "template_id": self.template.pk,
            "number": "0",  # of the list that the certificate is in
            "kind": "confirmed",
            "language": "en",
            "form": "svg",
            "scan_id": self.scan.scan_id,
            "pk": {
                "/api/events/<uuid:event_id>/team/<uuid:pk>/": self.member.pk,
                "/api/speakers/<uuid:pk>/": self.speaker.pk,
                "/api/partners/<uuid:pk>/": self.partner.pk,
                "/api/events/<uuid:event_id>/devices/<uuid:pk>/": self.device.pk,
                "/api/events/<uuid:event_id>/devices/<uuid:pk>/code/": self.device.pk,
            }.get(
                route,
                delivery.pk if "deliveries/<" in route else webhook.pk if "/webhooks/" in route else self.event.pk,
            ),
        }
        return str(by_name.get(name, "unknown"))

    def _attempt(self) -> dict[str, Any]:
        """Return a scan that nobody made yet."""
        shown = ticket_text(self.registration)
        return {"ticket": shown, "scan_id": "another", "scanned_at": now().isoformat(), "device": "Phone"}

    def _body(self, route: str, method: str) -> dict[str, Any]:
        """Return the least that is valid."""
        event = {"title": "Other", "starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T12:00:00Z"}
        guest = {"full_name": "Guest", "email": "guest@example.org", "attendance_type": "on_site"}
        text = {"subject": "Hello", "body": "Hello"}
        bodies: dict[str, dict[str, Any]] = {
            "/api/events/": event,
            "/api/events/create/": event,
            "/api/events/<uuid:pk>/": event,
            "/api/workshops/": event,
            "/api/workshops/<uuid:pk>/": event,
            "/api/events/<uuid:event_id>/team/": {"email": "new@example.org", "role": "scanner"},
            "/api/events/<uuid:event_id>/series/": {"dates": ["2030-05-06"]},
            "/api/events/<uuid:event_id>/uploads/": {"file": SimpleUploadedFile("passport.pdf", PDF)},
            "/api/events/<uuid:event_id>/registrations/import/": {
                "file": SimpleUploadedFile(
                    "sheet.csv", b"full_name,email,attendance_type\nNew,new@example.org,on_site\n"
                )
            },
            "/api/events/<uuid:event_id>/messages/": text,
            "/api/events/<uuid:event_id>/mail-texts/<str:kind>/<str:language>/": text,
            "/api/events/<uuid:event_id>/mail-texts/<str:kind>/<str:language>/preview/": text,
            "/api/attendance/check-in/": self._attempt(),
            "/api/attendance/sync/": {"scans": [self._attempt()]},
            "/api/attendance/<str:scan_id>/undo/": {"reason": "a mistake"},
            "/api/attendance/<str:scan_id>/resolve/": {"note": "seen"},
            "/api/speakers/": {"name": "Other"},
            "/api/speakers/<uuid:pk>/": {"name": "Other"},
            "/api/partners/": {"name": "Other"},
            "/api/partners/<uuid:pk>/": {"name": "Other"},
            "/api/registrations/": {**guest, "event": str(self.event.pk)},
            "/api/registrations/confirm-email/": {"token": self.pending.confirmation_token},
            "/api/registrations/<uuid:registration_id>/door-note/": {"text": "a note"},
            "/api/registrations/<uuid:registration_id>/move/": {"position": 1, "reason": "a reason"},
            "/api/events/<uuid:event_id>/webhooks/": {"url": HOOK},
            "/api/webhooks/": {"url": HOOK},
            "/api/events/<uuid:event_id>/devices/": {"name": "Phone"},
            "/api/events/<uuid:event_id>/presence/": {"source": "Stream", "stays": []},
            "/api/registrations/<uuid:registration_id>/check-in/": {"code": room_code(self.event.pk).code},
            "/here/<uuid:event_id>/": {"code": room_code(self.event.pk).code},
            "/organise/<uuid:event_id>/door/rules/": {"min_minutes": 0, "min_percent": 0},
            "/api/devices/pair/": {"code": self.code},
            "/api/certificates/<uuid:certificate_id>/revoke/": {"reason": "a mistake"},
            "/api/certificates/<uuid:certificate_id>/correct/": {"full_name": "Sami B.", "reason": "a mistake"},
            "/api/events/<uuid:event_id>/certificates/": {"role": "speaker", "full_name": "Zoe"},
            "/api/events/<uuid:event_id>/certificates/pictures/": {"file": SimpleUploadedFile("logo.png", LOGO)},
            "/api/certificate-templates/": {"name": "Own", "source": PAPER},
            "/api/registrations/<uuid:registration_id>/certificate/": {"full_name": "Amina"},
            "/api/attack-mode/": {"on": True},
            "/api/events/<uuid:pk>/attack-mode/": {"mode": "on"},
            "/api/auth/signup/": {"email": "new@example.org", "password": make.PASSWORD, "role": "seeker"},
            "/api/auth/verify/resend/": {"email": "new@example.org"},
            "/api/auth/login/": {"email": self.owner.email, "password": make.PASSWORD},
            "/api/auth/password/reset/": {"email": "new@example.org"},
            "/api/token/": {"username": self.owner.email, "password": make.PASSWORD},
            "/signup/": {"email": "new@example.org", "password": make.PASSWORD, "name": "New", "role": "seeker"},
            "/login/": {"email": self.owner.email, "password": make.PASSWORD},
            "/password/reset/": {"email": "new@example.org"},
            "/events/<uuid:event_id>/register/": guest,
            "/organise/<uuid:event_id>/door/": {"scan_id": self.scan.scan_id, "reason": "a mistake"},
            "/organise/<uuid:event_id>/door/missing/": {"registration": str(self.registration.pk)},
            "/organise/<uuid:event_id>/door/conflicts/": {"scan_id": self.scan.scan_id, "reason": "seen"},
            "/organise/<uuid:event_id>/clone/": {"title": "Copy", "starts_at": "2030-05-16T18:30"},
            "/organise/<uuid:event_id>/registrations/<uuid:registration_id>/": {"deed": "approve"},
            "/organise/<uuid:event_id>/certificates/missing/": {"registration": str(self.registration.pk)},
            "/organise/<uuid:event_id>/certificates/new/": {"role": "speaker", "full_name": "Zoe"},
            "/organise/<uuid:event_id>/certificates/rules/": {"min_attendance_percent": 0, "min_minutes": 0},
            "/organise/<uuid:event_id>/certificates/design/": {
                "template": "classic",
                "paper": "a4",
                "orientation": "landscape",
                "color": "#1f4e79",
            },
            "/organise/<uuid:event_id>/certificates/<uuid:certificate_id>/": {"deed": "revoke", "reason": "a mistake"},
            "/organise/<uuid:event_id>/mail/": {"deed": "again_all"},
            "/organise/<uuid:event_id>/mail/new/": {**text, "status": ["confirmed"], "deed": "send"},
            "/organise/<uuid:event_id>/mail/texts/<str:kind>/<str:language>/": {**text, "deed": "save"},
            "/events/<uuid:event_id>/enroll/": {"full_name": "Seeker", "attendance_type": "on_site"},
            "/organise/<uuid:event_id>/webhooks/": {"url": HOOK},
            "/organise/<uuid:event_id>/webhooks/<uuid:webhook_id>/": {"deed": "test"},
            "/organise/<uuid:event_id>/door/devices/": {"name": "Phone"},
            "/organise/<uuid:event_id>/door/devices/<uuid:device_id>/": {"deed": "code"},
            "/confirm/": {"token": self.pending.confirmation_token},
        }
        return bodies.get(route, {})
