"""Accounts in the admin, and who did what. Passwords and second factors are set by their owners, not here."""

import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.cache import cache
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django_otp.plugins.otp_totp.models import TOTPDevice

from turnout.accounts.actions import staff
from turnout.accounts.models import SignUp, TokenFamily, User
from turnout.core.admin import LookOnlyAdmin, actor_of
from turnout.core.errors import DomainError
from turnout.core.models import AuditEntry
from turnout.core.text import address_key

_VERBS_KEPT = 300  # seconds
_WITH_SECOND_FACTOR = Exists(TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True))


class SecondFactorFilter(admin.SimpleListFilter):
    """Who signs in with a second factor."""

    title = "second factor"
    parameter_name = "second_factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("1", "Yes"), ("0", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Narrow."""
        if self.value() is None:
            return queryset
        return queryset.filter(_WITH_SECOND_FACTOR if self.value() == "1" else ~_WITH_SECOND_FACTOR)


@admin.register(User)
class UserAdmin(LookOnlyAdmin):
    """Who can sign in, and who runs the platform."""

    list_display = ("email", "name", "role", "is_staff", "second_factor", "is_active", "date_joined")
    list_filter = ("is_staff", "is_active", "role", "address_verified", SecondFactorFilter)
    search_fields = ("email", "name")
    search_help_text = "A whole address, or a part of an address or a name"
    ordering = ("-pk",)
    fields = (
        "email",
        "name",
        "role",
        "language",
        "address_verified",
        "is_active",
        "is_staff",
        "second_factor",
        "date_joined",
        "last_login",
    )
    actions: ClassVar = ["make_staff", "remove_staff", "activate", "deactivate", "invite_to_enrol"]
    change_form_outer_after_template = "accounts/user_deeds.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Know of each whether there is a second factor."""
        people: QuerySet[User] = super().get_queryset(request)
        return people.annotate(with_second_factor=_WITH_SECOND_FACTOR)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Find an address by its key where there is one such, else parts of addresses and names."""
        exact = queryset.filter(email_key=address_key(search_term))
        if "@" in search_term and exact.exists():
            return exact, False
        found: tuple[QuerySet[User], bool] = super().get_search_results(request, queryset, search_term)
        return found

    @admin.display(boolean=True, description="second factor")
    def second_factor(self, user: User) -> bool:
        """Tell whether they sign in with one."""
        return bool(user.with_second_factor)  # type: ignore[attr-defined]  # annotated

    @admin.action(description="Make staff")
    def make_staff(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Let each run the platform."""
        _each(request, chosen, staff.make_staff, "runs the platform now")

    @admin.action(description="Remove from staff")
    def remove_staff(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Take the platform out of their hands."""
        _each(request, chosen, staff.remove_staff, "does not run the platform any more")

    @admin.action(description="Activate")
    def activate(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Let each sign in again."""
        _each(request, chosen, staff.activate, "can sign in")

    @admin.action(description="Deactivate")
    def deactivate(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Let none of them sign in."""
        _each(request, chosen, staff.deactivate, "can't sign in any more")

    @admin.action(description="Make a link that enrols a second factor")
    def invite_to_enrol(self, request: HttpRequest, chosen: QuerySet[User]) -> HttpResponse | None:
        """Show a link for each."""
        links = {}
        for user in chosen:
            try:
                links[user.email] = staff.invite_to_enrol(user, actor=actor_of(request))
            except DomainError as error:
                messages.error(request, error.detail)
        if not links:
            return None
        context = {**self.admin_site.each_context(request), "title": "Links that enrol a second factor", "links": links}
        return TemplateResponse(request, "accounts/links.html", context)


@admin.register(SignUp)
class SignUpAdmin(LookOnlyAdmin):
    """Attempts to sign up whose codes nobody has sent back."""

    list_display = ("email", "name", "role", "sent_at", "tries", "expires_at")
    list_filter = ("role",)
    search_fields = ("email",)
    ordering = ("-pk",)
    fields = ("email", "name", "role", "language", "sent_at", "tries", "expires_at")


@admin.register(TokenFamily)
class TokenFamilyAdmin(LookOnlyAdmin):
    """Programs that are signed in, or were."""

    list_display = ("user", "second_factor", "created_at", "used_at", "ended_at")
    list_filter = ("second_factor", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("user__email",)
    ordering = ("-pk",)
    fields = ("user", "second_factor", "created_at", "used_at", "expires_at", "ended_at")


def _each(request: HttpRequest, chosen: QuerySet[User], deed: Callable[..., None], done: str) -> None:
    for user in chosen:
        try:
            deed(user, actor=actor_of(request))
            messages.success(request, f"{user.email} {done}.")
        except DomainError as error:
            messages.error(request, error.detail)


class VerbFilter(admin.SimpleListFilter):
    """What was done."""

    title = "what"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what was ever done; asked of the database every five minutes, since it reads the whole index."""
        verbs = cache.get_or_set(
            "audit_verbs",
            lambda: list(AuditEntry.objects.order_by("verb").values_list("verb", flat=True).distinct()),
            _VERBS_KEPT,
        )
        return [(verb, _in_words(verb)) for verb in verbs or []]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Narrow."""
        return queryset.filter(verb=self.value()) if self.value() else queryset


class NamingChangeList(ChangeList):
    """A page of the audit trail that knows the names of who acted."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then its people in one more query."""
        super().get_results(request)
        self.result_list: Any = _named(self.result_list)


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnlyAdmin):
    """Who did what, when. It is here since whoever acts has an account, or none."""

    list_display = ("at", "who", "what", "to_what", "details")
    list_display_links = ("at",)
    list_filter = (VerbFilter, "at")
    search_fields = ("verb",)
    search_help_text = "The id or the address of who acted, or the id of what it was done to"
    fields = ("at", "who", "what", "to_what", "data_in_full")

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        """Return the page that knows names."""
        return NamingChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditEntry | None:
        """Return an entry that knows who acted."""
        entry: AuditEntry | None = super().get_object(request, object_id, from_field)
        return _named([entry])[0] if entry else None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Find by what is indexed: who acted, or what it was done to."""
        if not search_term:
            return queryset, False
        subject = _person_or_thing(search_term)
        if subject is None:
            return queryset.none(), False
        return queryset.filter(actor=f"user:{subject}") | queryset.filter(subject=subject), False

    @admin.display(description="who", ordering="actor")
    def who(self, entry: AuditEntry) -> str:
        """Return who acted, by name or address, linked."""
        person: User | None = entry.person  # type: ignore[attr-defined]  # set by `_named`
        if person is None:
            return entry.actor
        return _link(reverse("admin:accounts_user_change", args=[person.pk]), person.name or person.email)

    @admin.display(description="what", ordering="verb")
    def what(self, entry: AuditEntry) -> str:
        """Return the deed in words."""
        return _in_words(entry.verb)

    @admin.display(description="to what")
    def to_what(self, entry: AuditEntry) -> str:
        """Return what it was done to, linked where it has a page."""
        thing = entry.verb.partition(".")[0]
        for model in apps.get_models():
            if model._meta.model_name == thing and self.admin_site.is_registered(model):
                path = reverse(f"admin:{model._meta.app_label}_{thing}_change", args=[entry.subject])
                return _link(path, _subject(entry))
        return str(entry.subject)

    @admin.display(description="details")
    def details(self, entry: AuditEntry) -> str:
        """Return what changed, on one line."""
        return ", ".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in entry.data.items()) or "-"

    @admin.display(description="details")
    def data_in_full(self, entry: AuditEntry) -> str:
        """Return what changed, in full."""
        if not entry.data:
            return "-"
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', json.dumps(entry.data, indent=2))


def _named(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Give each entry the person who acted, and the one it was done to."""
    entries = list(entries)
    ids = {entry.actor.removeprefix("user:") for entry in entries if entry.actor.startswith("user:")}
    ids |= {str(entry.subject) for entry in entries if entry.verb.startswith("user.")}
    people = {str(user.pk): user for user in User.objects.filter(pk__in=ids)}
    for entry in entries:
        entry.person = people.get(entry.actor.removeprefix("user:"))  # type: ignore[attr-defined]  # for `who`
        entry.subject_person = people.get(str(entry.subject))  # type: ignore[attr-defined]  # for `to_what`
    return entries


def _subject(entry: AuditEntry) -> str:
    person: User | None = entry.subject_person  # type: ignore[attr-defined]  # set by `_named`
    return person.email if person else str(entry.subject)


def _link(path: str, text: str) -> str:
    return format_html('<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}</a>', path, text)


def _person_or_thing(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip().removeprefix("user:"))
    except ValueError:
        return User.objects.filter(email_key=address_key(text)).values_list("pk", flat=True).first()


def _in_words(verb: str) -> str:
    thing, _, deed = verb.partition(".")
    return f"{thing.replace('_', ' ').capitalize()}: {deed.replace('_', ' ')}"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
