"""Certificates in the admin: to look at, and templates, which staff bring."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import construct_instance
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import TabularInline

from turnout.certificates.actions.designs import add_template, withdraw_template
from turnout.certificates.models import Certificate, CertificateRules, Design, Template, Version
from turnout.core.admin import LookOnlyAdmin, actor_of
from turnout.core.errors import InvalidError
from turnout.core.text import normal_address, words


class VersionInline(TabularInline):
    """What a certificate says, and said, on its page."""

    model = Version
    fields = readonly_fields = ("number", "name", "reason", "issued_at", "issued_by")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a correction adds one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: it was written once."""
        return False

    @admin.display(description="name")
    def name(self, version: Version) -> str:
        """Return whom it names."""
        return "-" if version.snapshot is None else version.says.name


@admin.register(Certificate)
class CertificateAdmin(LookOnlyAdmin):
    """Who got one for what. Their event's team corrects and revokes them, and staff may by the same API."""

    list_display = ("full_name", "role", "event", "standing", "issued_at")
    list_filter = ("role", ("revoked_at", admin.EmptyFieldListFilter), ("erased_at", admin.EmptyFieldListFilter))
    list_select_related = ("event",)
    search_fields = ("full_name", "email")
    search_help_text = "The id of a certificate, a whole address, or the beginnings of words of a name"
    fields = (
        "full_name",
        "email",
        "language",
        "role",
        "event",
        "registration",
        "standing",
        "page",
        "issued_at",
        "revoked_at",
        "revoked_by",
        "revoked_reason",
        "erased_at",
    )
    inlines = (VersionInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Certificate], search_term: str
    ) -> tuple[QuerySet[Certificate], bool]:
        """Find by what is indexed, an id or an address; else by words of the name."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(search_term)), False
        except ValueError:
            pass
        if "@" in search_term:
            return queryset.filter(email=normal_address(search_term)), False
        for word in words(search_term):
            queryset = queryset.filter(name_key__contains=f" {word}")
        return queryset, False

    @admin.display(description="standing")
    def standing(self, certificate: Certificate) -> str:
        """Return what it is worth now."""
        if certificate.erased_at is not None:
            return "erased"
        return "valid" if certificate.revoked_at is None else "revoked"

    @admin.display(description="page")
    def page(self, certificate: Certificate) -> str:
        """Return where everybody verifies it."""
        return format_html('<a href="{0}">{0}</a>', certificate.address())


@admin.register(CertificateRules)
class CertificateRulesAdmin(LookOnlyAdmin):
    """What events ask before they certify."""

    list_display = ("event", "min_attendance_percent", "min_minutes", "by_hand", "automatic", "hours", "swept_at")
    list_filter = ("automatic", "by_hand", "closed")
    list_select_related = ("event",)
    search_fields = ("event__title",)


@admin.register(Design)
class DesignAdmin(LookOnlyAdmin):
    """How events' certificates look: their teams say so."""

    list_display = ("event", "base", "template", "paper", "orientation", "issuer")
    list_filter = ("base", "paper")
    list_select_related = ("event", "template")
    search_fields = ("event__title", "issuer")


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """A new template: the action says what is wrong with it."""

    actor = ""

    class Meta:
        model = Template
        fields: ClassVar = ["name", "source"]

    def _post_clean(self) -> None:
        """Write it, so that what the action refuses stands at the form."""
        self.instance = construct_instance(self, self.instance)
        if self.errors:
            return
        try:
            self.instance = add_template(**self.cleaned_data, actor=self.actor)
        except InvalidError as error:
            for fault in error.faults:
                name = fault.pointer.strip("/")
                self.add_error(name if name in self.fields else None, ValidationError(fault.detail, code=fault.code))


@admin.register(Template)
class TemplateAdmin(LookOnlyAdmin):
    """Papers in typst that staff brought. They are code: read what you add."""

    form = TemplateForm
    list_display = ("name", "made_by", "created_at", "withdrawn_at")
    search_fields = ("name",)
    actions: ClassVar = ["withdraw_chosen"]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Let all staff bring one."""
        return True

    def get_fields(self, request: HttpRequest, obj: Template | None = None) -> list[str]:
        """Ask for what makes one; show all of one that is there."""
        return ["name", "source"] if obj is None else ["name", "source", "made_by", "created_at", "withdrawn_at"]

    def get_form(self, request: HttpRequest, obj: Template | None = None, **kwargs: Any) -> Any:
        """Return a form that knows who acts."""
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"actor": actor_of(request)})

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:  # Django's call
        """Do nothing: the form wrote it."""

    @admin.action(description="Withdraw: no longer to be chosen; what was issued by it stays")
    def withdraw_chosen(self, request: HttpRequest, chosen: QuerySet[Template]) -> None:
        """Withdraw each."""
        for template in chosen:
            withdraw_template(template, actor=actor_of(request))
        messages.success(request, "Withdrawn.")
