"""Every mail that we send, made by the deed that owes it, in any language and to anybody."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from django.core.mail import EmailMultiAlternatives

from tests.support import make
from tests.support.certified import certified
from turnout.accounts.actions import passwords, profile
from turnout.accounts.actions.sign_up import Newcomer, sign_up
from turnout.certificates.actions import correct, revoke
from turnout.certificates.models import Certificate
from turnout.core.clock import now
from turnout.events.actions.teams import add_member
from turnout.events.models import Event
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, confirm
from turnout.registrations.actions.coming import ask_who_comes, release_unanswered
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.actions.offers import lapse_offers
from turnout.registrations.actions.reminders import remind
from turnout.registrations.actions.reviews import decline
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.models import Registration

NAME = "Amina Bouzid"
TITLE = "Soldering for beginners"


class Letters:
    """Mails to one guest, who speaks one language, about events with one title."""

    def __init__(
        self, language: str, *, name: str = "Amina Bouzid", title: str = TITLE, place: str = "Algiers"
    ) -> None:
        self.language, self.name, self.title, self.place = language, name, title, place
        self.starts_at = (now() + timedelta(days=10)).replace(hour=9, minute=0, second=0, microsecond=0)

    def all(self) -> Iterator[tuple[str, EmailMultiAlternatives]]:
        """Yield the kind and the mail of each."""
        stories: list[Callable[[], UUID]] = [
            *(self.confirm, self.confirmed, self.online, self.waitlisted, self.promoted, self.in_review, self.declined),
            *(self.offered, self.offer_lapsed, self.still_coming, self.released, self.reminder),
            *(self.cancelled, self.event_changed, self.event_cancelled, self.reissued),
            *(self.certificate, self.certificate_corrected, self.certificate_revoked),
            *(self.added, self.code, self.known, self.reset, self.unknown),
            *(self.address, self.address_known, self.address_changed, self.password_changed),
        ]
        for story in stories:
            message = Message.objects.filter(subject=story()).order_by("id").last()
            assert message is not None
            mail = compose(message)
            assert mail is not None, message
            yield story.__name__, mail

    def event(self, **fields: object) -> Event:
        """Return an event with their title."""
        known = {"title": self.title, "location": self.place, "starts_at": self.starts_at, "capacity": 1}
        return make.event(**(known | fields))  # type: ignore[arg-type]

    def pending(self, event: Event, **fields: object) -> Registration:
        """Register them."""
        number = Registration.objects.count()
        return make.pending(event, f"amina{number}", full_name=self.name, language=self.language, **fields)

    def seat(self, event: Event, **fields: object) -> Registration:
        """Register them, and confirm their address."""
        return confirm(self.pending(event, **fields).confirmation_token)

    def certified(self) -> Certificate:
        """Return the certificate of theirs for having been there."""
        number = Registration.objects.count()
        event = self.event(owner=make.user())
        return certified(event, f"amina{number}", full_name=self.name, language=self.language)

    # --- One story a mail: each returns what the mail is about -----------------------------------------------------

    def confirm(self) -> UUID:
        return self.pending(self.event()).id

    def confirmed(self) -> UUID:
        return self.seat(self.event()).id

    def online(self) -> UUID:
        event = self.event(online_url="https://meet.example.org/soldering")
        return self.seat(event, attendance_type="online").id

    def reissued(self) -> UUID:
        return reissue_ticket(self.seat(self.event())).id

    def waitlisted(self) -> UUID:
        event = self.event()
        make.confirmed(event)
        return self.seat(event).id

    def promoted(self) -> UUID:
        event = self.event()
        first, theirs = make.confirmed(event), self.seat(event)
        cancel(first)
        return theirs.id

    def in_review(self) -> UUID:
        return self.seat(self.event(approval_required=True)).id

    def declined(self) -> UUID:
        theirs = self.seat(self.event(approval_required=True))
        return decline(theirs, reason="All places went to students this time.", actor="system").id

    def offered(self) -> UUID:
        event = self.event(offer_hours=24)
        first, theirs = make.confirmed(event), self.seat(event)
        make.confirmed(event)  # whose turn it is when this offer lapses
        cancel(first)
        return theirs.id

    def offer_lapsed(self) -> UUID:
        offered = self.offered()
        Registration.objects.filter(pk=offered).update(offer_expires_at=now())
        lapse_offers()
        return offered

    def still_coming(self) -> UUID:
        theirs = self.seat(self.event(ask_hours=8760, release_hours=48))
        Registration.objects.filter(pk=theirs.pk).update(asked_at=None, coming_at=None)
        ask_who_comes()
        return theirs.id

    def released(self) -> UUID:
        asked = self.still_coming()
        Registration.objects.filter(pk=asked).update(answer_by=now())
        release_unanswered()
        return asked

    def reminder(self) -> UUID:
        event = self.event()
        theirs = self.seat(event)
        Event.objects.filter(pk=event.pk).update(reminds_at=now(), reminder_hours=[300])
        remind()
        return theirs.id

    def cancelled(self) -> UUID:
        return cancel(self.seat(self.event())).id

    def event_changed(self) -> UUID:
        event = self.event()
        theirs = self.seat(event)
        later = self.starts_at + timedelta(days=7)
        fields = {"starts_at": later, "ends_at": later + timedelta(hours=3), "location": "Oran"}
        change_event(event, EventChange(fields))
        return theirs.id

    def event_cancelled(self) -> UUID:
        event = self.event()
        theirs = self.seat(event)
        remove_event(event)
        return theirs.id

    def certificate(self) -> UUID:
        return self.certified().id

    def certificate_corrected(self) -> UUID:
        return correct(self.certified(), f"{self.name} B", self.title, actor="system").id

    def certificate_revoked(self) -> UUID:
        return revoke(self.certified(), self.title, actor="system").id

    def added(self) -> UUID:
        owner = make.user(language=self.language)
        return add_member(self.event(owner=owner), f"helper{owner.pk.hex[-6:]}@example.org", "manager").id

    def code(self) -> UUID:
        count = Message.objects.count()
        return sign_up(Newcomer(f"new{count}@example.org", make.PASSWORD, language=self.language), client="").id

    def known(self) -> UUID:
        account = make.user()
        return sign_up(Newcomer(account.email, make.PASSWORD, language=self.language), client="").id

    def reset(self) -> UUID:
        account = make.user(name="", language=self.language)
        account.name = self.name
        account.save()
        passwords.ask_reset(account.email, language=self.language, client="")
        return self._last("account.reset")

    def unknown(self) -> UUID:
        passwords.ask_reset(f"nobody{Message.objects.count()}@example.org", language=self.language, client="")
        return self._last("account.unknown")

    def address(self) -> UUID:
        account = make.user(language=self.language)
        profile.ask_address(account, f"other{account.pk.hex[-6:]}@example.org")
        return self._last("account.address")

    def address_known(self) -> UUID:
        account, other = make.user(language=self.language), make.user()
        profile.ask_address(account, other.email)
        return self._last("account.address_known")

    def address_changed(self) -> UUID:
        account = make.user(language=self.language)
        profile.ask_address(account, f"moved{account.pk.hex[-6:]}@example.org")
        code = account.address_change.code
        profile.confirm_address(account, f"moved{account.pk.hex[-6:]}@example.org", code, client="")
        return self._last("account.address_changed")

    def password_changed(self) -> UUID:
        account = make.user(language=self.language)
        passwords.change_password(account, make.PASSWORD, make.PASSWORD + "!")
        return self._last("account.password_changed")

    @staticmethod
    def _last(kind: str) -> UUID:
        return Message.objects.filter(kind=kind).latest("id").subject
