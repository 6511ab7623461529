"""Events and registrations in the admin: forms that call the actions.

Events are here and not in their own room because a change of capacity promotes people from the waiting list.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import BaseModelFormSet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from turnout.core.admin import LookOnlyAdmin, TrailAdmin, actor_of
from turnout.core.clock import now
from turnout.core.errors import DomainError
from turnout.events.actions import Capacity, Parts, create_event, save_partner, save_speaker, update_event
from turnout.events.admin import CLOCKS, InItsTimezone
from turnout.events.gaps import gaps
from turnout.events.models import AttendanceType, Event, EventLanguage, Partner, SeatPool, Session, Speaker
from turnout.events.queries import questions_of
from turnout.registrations.actions import cancel, check_capacity
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.answers import told
from turnout.registrations.attacks.admin import BurstPage
from turnout.registrations.models import LineChange, Mailing, MailText, Registration

_MOST_SEATS = 2**31 - 1  # what the column holds
_CAPACITIES = {"capacity": "", "capacity_on_site": AttendanceType.ON_SITE, "capacity_online": AttendanceType.ONLINE}


def _seats(label: str, help_text: str) -> forms.IntegerField:
    widget = UnfoldAdminIntegerFieldWidget()
    return forms.IntegerField(
        label=label, help_text=help_text, required=False, min_value=0, max_value=_MOST_SEATS, widget=widget
    )


class EventForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """An event, its languages and its capacity: in all, or by attendance type. Which of the two is settled at first."""

    languages = forms.CharField(
        required=False, help_text="Codes, the main one first: en, fr", widget=UnfoldAdminTextInputWidget
    )
    capacity = _seats("capacity in all", "Empty: as many as come.")
    capacity_on_site = _seats("capacity on site", "Only where seats are counted by attendance type.")
    capacity_online = _seats("capacity online", "Only where seats are counted by attendance type.")

    class Meta:
        model = Event
        fields: ClassVar = [
            "kind",
            "status",
            "title",
            "description",
            "website",
            "image",
            "languages",
            "location",
            "offers_on_site",
            "offers_online",
            "online_url",
            "timezone",
            "starts_at",
            "ends_at",
            "registration_opens_at",
            "registration_closes_at",
            "capacity",
            "capacity_on_site",
            "capacity_online",
            "waitlist_enabled",
            "approval_required",
            "offer_hours",
            "ask_hours",
            "release_hours",
            "reminder_hours",
            "owner",
            "partner",
            "speakers",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pools: dict[str, SeatPool] = {}
        status: Any = self.fields["status"]
        # An event with people in it is not cancelled by a field: everybody must be told.
        status.choices = [choice for choice in status.choices if choice[0] != Event.Status.CANCELLED]
        if not self.instance._state.adding:
            self.pools = {pool.attendance_type: pool for pool in self.instance.pools.all()}
            self.initial["languages"] = ", ".join(language.code for language in self.instance.languages.all())
            for name, attendance_type in _CAPACITIES.items():
                if attendance_type in self.pools:
                    self.initial[name] = self.pools[attendance_type].capacity
                else:
                    del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Refuse a capacity that too many have taken already."""
        cleaned = super().clean() or {}
        if self.instance._state.adding and cleaned.get("capacity") is not None:
            for name in ("capacity_on_site", "capacity_online"):
                if cleaned.get(name) is not None:
                    self.add_error(name, "Count seats in all or by attendance type, not both.")
        for code in _codes(cleaned.get("languages") or ""):
            try:
                EventLanguage(code=code).clean_fields(exclude=["event"])
            except ValidationError:
                self.add_error("languages", f"“{code[:40]}” is not a language code such as en or pt-br.")
        for name, pool in self.changed_pools():
            try:
                check_capacity(pool, cleaned.get(name))
            except DomainError as error:
                self.add_error(name, ValidationError(error.detail, code=error.code))
        return cleaned

    def changed_pools(self) -> Iterator[tuple[str, SeatPool]]:
        """Yield each capacity that was changed: its field's name, and its pool."""
        for name, attendance_type in _CAPACITIES.items():
            if name in self.changed_data and attendance_type in self.pools:
                yield name, self.pools[attendance_type]

    def _post_clean(self) -> None:
        """Refuse to publish a draft with gaps, and name them all. Its sessions are taken as they were."""
        super()._post_clean()  # type: ignore[misc]  # Django's, and not in its stubs
        event, was = self.instance, self.initial.get("status")
        is_published = was == Event.Status.DRAFT != event.status and not event._state.adding
        if self.errors or not is_published:
            return
        for name, pool in self.changed_pools():
            pool.capacity = self.cleaned_data[name]
        for gap in gaps(event, self.pools.values(), event.sessions.all(), now()):
            name = gap.pointer.strip("/")
            self.add_error(name if name in self.fields else None, ValidationError(gap.detail, code=gap.code))

    def changed_capacity(self) -> Capacity | None:
        """Return the capacity of an event that is there, if it was changed."""
        changed = {pool.attendance_type: self.cleaned_data[name] for name, pool in self.changed_pools()}
        if not changed:
            return None
        return Capacity(in_all=changed[""]) if "" in changed else Capacity(by_type=changed)

    def new_capacity(self) -> Capacity:
        """Return the capacity of an event that is not yet there."""
        given = {kind: self.cleaned_data[name] for name, kind in _CAPACITIES.items() if kind}
        by_type = {kind: seats for kind, seats in given.items() if seats is not None}
        return Capacity(in_all=self.cleaned_data["capacity"], by_type=by_type)

    def codes(self) -> list[str]:
        """Return the languages."""
        return _codes(self.cleaned_data["languages"])


def _codes(text: str) -> list[str]:
    return text.lower().replace(",", " ").split()


_MOST_SESSIONS = 50  # eight fields each, of the thousand that Django takes; larger programmes are imported


class SessionInline(TabularInline):
    """The event's sessions, on its page."""

    model = Session
    fields = ("title", "starts_at", "ends_at", "room")
    extra = 0
    formfield_overrides = CLOCKS


class KeptAdmin(TrailAdmin):
    """Rows that are written by actions and never deleted by hand."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse: what stood in public stays on record."""
        return False


@admin.register(Event)
class EventAdmin(InItsTimezone, BurstPage, KeptAdmin):
    """Events and workshops."""

    form = EventForm
    list_display = ("title", "kind", "status", "starts_at", "location", "owner")
    list_filter = ("kind", "status")
    list_select_related = ("owner",)
    search_fields = ("title", "location")
    date_hierarchy = "starts_at"
    autocomplete_fields = ("owner", "partner", "speakers")
    actions: ClassVar = ["remove_chosen"]
    actions_detail: ClassVar = ["burst"]
    readonly_fields = ("questions", "team", "series")

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> list[str]:
        """Show the capacities that this event has."""
        names: list[str] = EventForm.Meta.fields
        if obj is None:
            return names
        counted = set(obj.pools.values_list("attendance_type", flat=True))
        return [
            *(name for name in names if name not in _CAPACITIES or _CAPACITIES[name] in counted),
            *self.readonly_fields,
        ]

    def get_inlines(self, request: HttpRequest, obj: Event | None) -> list[type[SessionInline]]:
        """Show the sessions, unless they are more than one form can send."""
        return [SessionInline] if obj is None or obj.sessions.count() <= _MOST_SESSIONS else []

    @admin.display(description="questions")
    def questions(self, event: Event) -> str:
        """Show what it asks: its owner says what, by the API."""
        return ", ".join(f"{question.label} ({question.type})" for question in questions_of(event)) or "-"

    @admin.display(description="team")
    def team(self, event: Event) -> str:
        """Show who is on it: its owner says who."""
        return ", ".join(f"{member.email} ({member.role})" for member in event.team.order_by("created_at")) or "-"

    @admin.action(description="Cancel, and tell who is registered; delete where nobody ever was")
    def remove_chosen(self, request: HttpRequest, chosen: QuerySet[Event]) -> None:
        """Do to each what its owner's DELETE does."""
        for event in chosen:
            remove_event(event, actor=actor_of(request))
        messages.success(request, "Cancelled, or deleted where nobody had registered.")

    def save_model(self, request: HttpRequest, obj: Event, form: EventForm, change: bool) -> None:  # Django's call
        """Write the event and its seats; who is registered is told of another date or place."""
        parts = Parts(languages=form.codes(), speakers=list(form.cleaned_data["speakers"]))
        if not change:
            create_event(obj, form.new_capacity(), parts, actor=actor_of(request))
            return
        own = set(form.changed_data) - {*_CAPACITIES, "languages", "speakers"}
        fields = {name: form.cleaned_data[name] for name in own}
        change_event(obj, EventChange(fields, parts, form.changed_capacity()), actor=actor_of(request))

    def save_related(
        self,
        request: HttpRequest,
        form: EventForm,
        formsets: "Sequence[BaseModelFormSet[Any, Any]]",
        change: bool,  # Django's call
    ) -> None:
        """Write the sessions."""
        for formset in formsets:
            formset.save(commit=False)
            kept = [part.instance for part in formset.forms if part.instance not in formset.deleted_objects]
            sessions = [session for session in kept if session.title]
            update_event(form.instance, Parts(sessions=sessions), actor=actor_of(request))


@admin.register(Partner)
class PartnerAdmin(KeptAdmin):
    """Partners."""

    list_display = ("name", "level", "website")
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Partner, form: Any, change: bool) -> None:  # Django's call
        """Write the partner."""
        save_partner(obj, actor=actor_of(request))


@admin.register(Speaker)
class SpeakerAdmin(KeptAdmin):
    """Speakers."""

    list_display = ("name", "partner")
    list_select_related = ("partner",)
    search_fields = ("name",)
    autocomplete_fields = ("partner",)

    def save_model(self, request: HttpRequest, obj: Speaker, form: Any, change: bool) -> None:  # Django's call
        """Write the speaker."""
        save_speaker(obj, actor=actor_of(request))


@admin.register(Registration)
class RegistrationAdmin(LookOnlyAdmin):
    """Who registered; the team can cancel for somebody."""

    list_display = ("full_name", "email", "event", "status", "attendance_type", "place", "created_at")
    list_filter = ("status", "attendance_type", ("quarantined_at", admin.EmptyFieldListFilter))
    list_select_related = ("event",)
    search_fields = ("full_name", "email")
    readonly_fields = ("answered",)
    actions: ClassVar = ["cancel_chosen"]

    @admin.display(description="answers")
    def answered(self, registration: Registration) -> str:
        """Show what was answered to what was asked then."""
        return "; ".join(f"{question}: {answer}" for question, answer in told([registration])[registration.pk]) or "-"

    @admin.action(description="Cancel, and give the seats to the first in line")
    def cancel_chosen(self, request: HttpRequest, chosen: QuerySet[Registration]) -> None:
        """Cancel each; what can't be cancelled is said and left as it is."""
        for registration in chosen.select_related("event"):
            try:
                cancel(registration, actor=actor_of(request))
            except DomainError as error:
                messages.error(request, f"{registration.full_name}: {error.detail}")


@admin.register(LineChange)
class LineChangeAdmin(LookOnlyAdmin):
    """Who changed the order of a waiting list, and why."""

    list_display = ("registration", "was", "became", "reason", "actor", "at")
    list_select_related = ("registration",)
    search_fields = ("reason", "actor")


@admin.register(Mailing)
class MailingAdmin(LookOnlyAdmin):
    """What teams wrote to those registered."""

    list_display = ("subject", "event", "author", "count", "created_at", "stopped_at")
    list_select_related = ("event", "author")
    search_fields = ("subject", "event__title")


@admin.register(MailText)
class MailTextAdmin(LookOnlyAdmin):
    """Events' own texts for their mails."""

    list_display = ("event", "kind", "language", "subject", "changed_at")
    list_filter = ("kind", "language")
    list_select_related = ("event",)
    search_fields = ("subject", "event__title")
