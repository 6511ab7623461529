"""Events and what belongs to them."""

import zoneinfo
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from turnout.accounts.policies import Actor, runs_platform
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.text import fold, words
from turnout.events.models.people import Partner, Speaker
from turnout.events.models.seats import AttendanceType, SeatPool
from turnout.events.models.series import Series
from turnout.events.models.teams import TeamMember
from turnout.events.reminders import check_reminders, next_reminder, usual_hours
from turnout.events.timezones import YEARS, start_of_day, zone_names

LANGUAGE_CODE = RegexValidator(r"^[a-z]{2,3}(-[a-z0-9]{1,8})*$")

MOST_HOURS = 8760  # a year: so long before an event, or for an offer
_HOURS = (MinValueValidator(1), MaxValueValidator(MOST_HOURS))
_LONGEST_KEY = 400


def _all_in(column: str, sought: list[str]) -> Q:
    """Return the condition that each of these begins a word in a column of folded words."""
    return Q(*(Q(**{f"{column}__contains": f" {word}"}) for word in sought))


def _in_hands_of(actor: Actor, *roles: str) -> Q:
    """Return the condition that the actor owns an event or is on its team, in one of these roles if any are named."""
    member = TeamMember.objects.filter(event=OuterRef("pk"), role__in=roles or TeamMember.Role.values).held_by(actor)
    return Q(owner_id=actor.pk) | Q(Exists(member))


class EventQuerySet(models.QuerySet["Event"]):
    """The ways in which events are found."""

    # Conditions that exclude each other: what meets the first stands before what meets the second, and so on.
    ranks: tuple[Q, ...] = ()

    def visible_to(self, actor: Actor) -> Self:
        """Return what this actor may know of: drafts are known to staff, to their owner and to their team."""
        if runs_platform(actor):
            return self
        known = ~Q(status=Event.Status.DRAFT)
        return self.filter(known | _in_hands_of(actor) if actor.is_authenticated else known)

    def run_by(self, actor: Actor) -> Self:
        """Return what this actor may edit, with all that is registered there: staff, the owner, managers."""
        if runs_platform(actor):
            return self
        managed = _in_hands_of(actor, TeamMember.Role.MANAGER)
        return self.filter(managed) if actor.is_authenticated else self.none()

    def with_doors_of(self, actor: Actor) -> Self:
        """Return those at whose doors this actor may let people in: staff, the owner, the whole team."""
        if runs_platform(actor):
            return self
        return self.filter(_in_hands_of(actor)) if actor.is_authenticated else self.none()

    def listed(self) -> Self:
        """Return what stands in public lists."""
        return self.filter(status=Event.Status.PUBLISHED)

    def not_over(self) -> Self:
        """Return what has not ended."""
        return self.not_marked_over().filter(ends_at__gt=now())

    def not_marked_over(self) -> Self:
        """Return what is not marked as over, by an index: see `turnout.events.actions.mark_over`."""
        # For `over=False` Django writes `NOT over` on SQLite, which no index serves.
        return self.filter(over__in=[False])

    def in_week_of(self, day: datetime) -> Self:
        """Return what takes place between Monday and Sunday of this day's week in the site's timezone."""
        today = day.astimezone(zoneinfo.ZoneInfo(settings.TIME_ZONE)).date()
        monday = today - timedelta(days=today.weekday())
        # Midnights are taken from the calendar, not by adding 168 hours: a week with a clock change is not that long.
        start, end = (start_of_day(each, settings.TIME_ZONE) for each in (monday, monday + timedelta(days=7)))
        return self.filter(starts_at__lt=end, ends_at__gt=start)

    def matching(self, text: str) -> Self:
        """Return what has every word of the text, folded, as the beginning of a word in title or description.

        A text without a single word matches nothing.
        """
        sought = words(text)
        return self.filter(_all_in("search_text", sought)) if sought else self.none()

    def ranked_by(self, text: str) -> Self:
        """Return what matches the text, in three ranks: every word stands in the title, begins one there, or neither.

        The ranks are the condition: whoever counts or reads the rows goes through `turnout.core.paging`. Both together
        would tell the database twice what is one thing, and it would take it for rarer than it is.
        """
        sought = words(text)
        if not sought:
            return self.none()
        whole, begun = _all_in("title_key", [f"{word} " for word in sought]), _all_in("title_key", sought)
        ranked = self.all()
        ranked.ranks = (whole, begun & ~whole, _all_in("search_text", sought) & ~begun)
        return ranked

    def located_in(self, text: str) -> Self:
        """Return what takes place where the folded text is the whole location or its beginning."""
        return self.filter(location_key__startswith=location_key(text))

    def in_language(self, code: str) -> Self:
        """Return what is held in this language, among others perhaps."""
        spoken = EventLanguage.objects.filter(event=OuterRef("pk"), code=code.strip().lower())
        return self.filter(Exists(spoken))

    def open_to(self, attendance_type: str) -> Self:
        """Return what can be attended in this way."""
        return self.filter(**{f"offers_{attendance_type}": True})

    def with_seats(self, *, left: bool = True) -> Self:
        """Return what has a seat left, or what has none."""
        free = SeatPool.objects.filter(event=OuterRef("pk")).filter(SeatPool.free())
        return self.filter(Exists(free) if left else ~Exists(free))

    def with_summary(self) -> Self:
        """Load what a line about an event shows, in a number of queries that does not depend on theirs."""
        # What is searched is longer than all that is shown.
        return self.defer("search_text", "title_key").prefetch_related("pools", "languages")

    def with_parts(self) -> Self:
        """Load what belongs to events in a list, in a number of queries that does not depend on theirs."""
        sessions = Prefetch("sessions", Session.objects.defer("description"))  # a conference has many long ones
        return self.with_summary().select_related("partner").prefetch_related("speakers", sessions)

    def with_details(self) -> Self:
        """Load all that belongs to an event, in a number of queries that does not depend on theirs."""
        sessions = Prefetch("sessions", Session.objects.prefetch_related("speakers"))
        whole = self.prefetch_related(None).with_summary().select_related("partner")
        return whole.prefetch_related("speakers", sessions)

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # the one place where Django copies a queryset
        clone.ranks = self.ranks
        return clone


class Event(models.Model):
    """Something people come to. A workshop is an event of kind `workshop`."""

    class Kind(models.TextChoices):
        """What sort of event it is."""

        WORKSHOP = "workshop", _("Workshop")
        CONFERENCE = "conference", _("Conference")
        MEETUP = "meetup", _("Meetup")
        COURSE = "course", _("Course")
        OTHER = "other", _("Other")

    class Status(models.TextChoices):
        """Who sees it, and whether it takes place."""

        DRAFT = "draft"
        PUBLISHED = "published"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.WORKSHOP)
    status = models.CharField(max_length=10, choices=Status, default=Status.PUBLISHED)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    website = models.URLField(max_length=500, blank=True)
    image = models.URLField(max_length=500, blank=True)
    location = models.CharField(max_length=200, blank=True)
    online_url = models.URLField(max_length=500, blank=True, help_text="Shown to confirmed people only.")
    offers_on_site = models.BooleanField("on site", default=True)
    offers_online = models.BooleanField("online", default=True)
    timezone = models.CharField(max_length=64, default="UTC", help_text="An IANA name, such as Africa/Algiers.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    registration_opens_at = models.DateTimeField(null=True, blank=True)
    registration_closes_at = models.DateTimeField(null=True, blank=True, help_text="Empty: when the event ends.")
    waitlist_enabled = models.BooleanField("waiting list", default=True)
    approval_required = models.BooleanField("approval", default=False, help_text="The team decides on everybody.")
    offer_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=_HOURS,
        help_text="So long is a free seat kept for who is first in line. Empty: it is theirs.",
    )
    ask_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=_HOURS,
        help_text="So long before it starts people are asked whether they still come.",
    )
    release_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=_HOURS,
        help_text="So long before it starts the seats of those who did not answer are released.",
    )
    reminder_hours = models.JSONField(
        default=usual_hours,
        blank=True,
        help_text="So many hours before it starts people are reminded, such as [24, 1]. Empty: never.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    series = models.ForeignKey(Series, null=True, editable=False, on_delete=models.PROTECT, related_name="events")
    partner = models.ForeignKey(Partner, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    speakers = models.ManyToManyField(Speaker, blank=True, related_name="events")
    created_at = models.DateTimeField(default=now, editable=False)
    # The event's name in the file it was imported from, hashed: what makes an import twice the same as once.
    source_key = models.CharField(max_length=64, null=True, unique=True, editable=False)  # null is none
    # Folded copies of what is searched, written by `clean()`: words with a space before each, in a title also behind.
    location_key = models.CharField(max_length=_LONGEST_KEY, blank=True, editable=False)
    search_text = models.TextField(blank=True, editable=False)
    title_key = models.TextField(blank=True, editable=False)
    # From when on people are asked whether they still come; `ask_hours` before it starts.
    asks_at = models.DateTimeField(null=True, editable=False)
    # When people are reminded of it next.
    reminds_at = models.DateTimeField(null=True, editable=False)
    # That it has ended. Not yet set on what ended this minute, never set on what has not.
    over = models.BooleanField(default=False, editable=False)

    objects: ClassVar[models.Manager["Event"]] = EventQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["starts_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="event_by_start"),
            models.Index(fields=["over", "starts_at", "id"], name="event_coming_by_start"),
            models.Index(fields=["over", "title", "id"], name="event_coming_by_title"),
            models.Index(fields=["asks_at"], name="event_by_asking"),
            models.Index(fields=["reminds_at"], name="event_by_reminding"),
            # The class is PostgreSQL's, where without it only equality is served; others pass it over.
            models.Index(fields=["location_key"], name="event_by_location_prefix", opclasses=["varchar_pattern_ops"]),
            # And on PostgreSQL trigrams of search_text and title_key, by the migration.
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="event_ends_after_it_starts",
                violation_error_message="An event ends after it starts.",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="event_has_a_title"),
            models.CheckConstraint(
                condition=Q(offers_on_site=True) | Q(offers_online=True),
                name="event_can_be_attended",
                violation_error_message="People come on site, online, or both.",
            ),
            models.CheckConstraint(
                condition=Q(registration_opens_at__isnull=True)
                | Q(registration_closes_at__isnull=True)
                | Q(registration_closes_at__gt=F("registration_opens_at")),
                name="event_registration_closes_after_it_opens",
                violation_error_message="Registration closes after it opens.",
            ),
            models.CheckConstraint(
                condition=Q(offer_hours__isnull=True) | Q(offer_hours__range=(1, MOST_HOURS)),
                name="event_offers_last",
                violation_error_message="An offer lasts from an hour to a year.",
            ),
            models.CheckConstraint(
                # Said of null, too: what compares with it is unknown, and that passes a check.
                condition=Q(release_hours__isnull=True)
                | Q(ask_hours__isnull=False, ask_hours__gt=F("release_hours"), release_hours__gte=1),
                name="event_asks_before_it_releases",
                violation_error_message="People are asked earlier than their seats are released.",
            ),
            models.CheckConstraint(
                condition=Q(ask_hours__isnull=True) | Q(ask_hours__range=(1, MOST_HOURS)),
                name="event_asks_in_time",
                violation_error_message="People are asked from an hour to a year before.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Check the timezone's name, and write what is derived: folded copies, moments, whether it is over."""
        if self.timezone not in zone_names():
            message = "This is not the name of a timezone, such as Africa/Algiers."
            raise ValidationError({"timezone": ValidationError(message, code="invalid")})
        _check_span(self)
        _check_hours(self)
        check_reminders(self.reminder_hours)
        self.location_key = location_key(self.location)[:_LONGEST_KEY]  # some letters unfold into eighteen
        self.search_text = "".join(f" {word}" for word in words(f"{self.title} {self.description}"))
        self.title_key = "".join(f" {word}" for word in words(self.title)) + " "
        ends_at: datetime | None = self.ends_at  # none yet, where a form is half filled in
        self.over = ends_at is not None and ends_at <= now()
        starts_at: datetime | None = self.starts_at
        before = None if self.ask_hours is None else timedelta(hours=self.ask_hours)
        self.asks_at = None if starts_at is None or before is None else starts_at - before
        # What is due this moment stays due.
        after = now() if self.reminds_at is None else min(now(), self.reminds_at - timedelta(microseconds=1))
        self.reminds_at = None if starts_at is None else next_reminder(starts_at, self.reminder_hours, after)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The timezone in which people there read the clock."""
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def attendance_types(self) -> list[str]:
        """The ways in which it can be attended."""
        offered = {AttendanceType.ON_SITE: self.offers_on_site, AttendanceType.ONLINE: self.offers_online}
        return [kind.value for kind, offers in offered.items() if offers]

    @property
    def registration_ends_at(self) -> datetime:
        """The moment from which nobody can register any more."""
        return min(self.registration_closes_at or self.ends_at, self.ends_at)


class EventLanguage(models.Model):
    """A language an event is held in."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="languages")
    code = models.CharField(max_length=12, validators=[LANGUAGE_CODE])
    rank = models.PositiveSmallIntegerField(default=0)  # 0 is the event's main language

    class Meta:
        ordering: ClassVar = ["rank"]
        indexes: ClassVar = [models.Index(fields=["code", "event"], name="language_by_code")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "code"], name="event_language_once"),
            models.UniqueConstraint(fields=["event", "rank"], name="event_language_rank_once"),
        ]

    def __str__(self) -> str:
        return self.code


class Session(models.Model):
    """A part of an event, with a time and perhaps a room of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="sessions")
    title = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    room = models.CharField(max_length=100, blank=True)
    track = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=12, blank=True, validators=[LANGUAGE_CODE])
    description = models.TextField(blank=True, help_text="Plain text.")
    speakers = models.ManyToManyField(Speaker, blank=True, related_name="sessions")
    # What it is called in the schedule it was imported from, hashed: by this it is known at the next import.
    source_key = models.CharField(max_length=64, null=True, editable=False)  # null is none

    class Meta:
        ordering: ClassVar = ["starts_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "source_key"], name="session_source_once_per_event"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="session_ends_after_it_starts",
                violation_error_message="A session ends after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Check from when to when."""
        _check_span(self)


def _check_span(row: Event | Session) -> None:
    """ValidationError where either end lies in no sensible year, or the end is not after the start."""
    # None yet, where a form is half filled in.
    moments: dict[str, datetime | None] = {name: getattr(row, name) for name in ("starts_at", "ends_at")}
    for name, moment in moments.items():
        if moment is not None and moment.year not in YEARS:
            message = f"The year must be from {YEARS[0]} to {YEARS[-1]}."
            raise ValidationError({name: ValidationError(message, code="invalid")})
    if moments["starts_at"] and moments["ends_at"] and moments["ends_at"] <= moments["starts_at"]:
        raise ValidationError({"ends_at": ValidationError("The end must be after the start.", code="not_after_start")})


def _check_hours(event: Event) -> None:
    """ValidationError where seats would be released before people are asked, or without asking them."""
    if event.release_hours is not None and (event.ask_hours is None or event.ask_hours <= event.release_hours):
        message = "People are asked earlier than their seats are released."
        raise ValidationError({"release_hours": ValidationError(message, code="not_after_ask")})


def location_key(location: str) -> str:
    """Return the text under which a location is found: folded, with single spaces."""
    return " ".join(fold(location).split())
