"""The questions of an event in a form, and answers as people read them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from turnout.core.errors import DomainError, Fault, InvalidError, TooLargeError, UnsupportedTypeError
from turnout.events.models import AttendanceType, Event, Question
from turnout.events.queries import questions_of
from turnout.media.files import check_size
from turnout.registrations.answers import LONGEST_LONG_TEXT, LONGEST_TEXT, check_answers, told
from turnout.registrations.models import Registration
from turnout.registrations.uploads.actions import receive
from turnout.web.forms import Form

_FEW = 7  # choices that stand beside each other
_YES, _NO = "yes", "no"
_COMING = str(UUID(int=0))  # answers for a file that came with this form, and is not kept yet


class SentFileInput(forms.FileInput):
    """A file to choose; one that came with a form that was refused is not asked for again."""

    template_name = "web/file.html"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the file, or the id of the one that is here."""
        return files.get(name) or data.get(name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Tell whether there is neither."""
        return name not in files and name not in data

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Show the id of the file that is here."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["kept"] = value if isinstance(value, str) else ""
        return context


class Answer(forms.Field):
    """What is typed or chosen as an answer; whether it is one is told by the same rules as in the API."""

    def __init__(self, question: Question, asked: Mapping[UUID, Question]) -> None:
        self.question = question
        label = question.label if question.required else _("%s (optional)") % question.label
        super().__init__(label=label, help_text=_help(question, asked), required=False, widget=_widget(question))
        self.condition = _condition(question)

    def clean(self, value: Any) -> Any:
        """Return the answer as the API would be sent it."""
        if self.question.type == Question.Type.YES_NO:
            return {_YES: True, _NO: False}.get(value)
        return value


def _widget(question: Question) -> forms.Widget:
    kind = question.type
    if kind == Question.Type.CHOICES:
        return forms.CheckboxSelectMultiple(choices=_listed(question.choices))
    if kind == Question.Type.CHOICE and question.required and len(question.choices) <= _FEW:
        return forms.RadioSelect(choices=_listed(question.choices))
    if kind == Question.Type.CHOICE:
        return forms.Select(choices=[("", "—"), *_listed(question.choices)])
    if kind == Question.Type.YES_NO:
        none = [] if question.required else [("", _("No answer"))]
        return forms.RadioSelect(choices=[(_YES, _("Yes")), (_NO, _("No")), *none])
    return {
        Question.Type.TEXT: forms.TextInput({"dir": "auto", "maxlength": LONGEST_TEXT}),
        Question.Type.LONG_TEXT: forms.Textarea({"dir": "auto", "rows": 4, "maxlength": LONGEST_LONG_TEXT}),
        Question.Type.NUMBER: forms.TextInput({"inputmode": "decimal", "dir": "ltr"}),
        Question.Type.DATE: forms.TextInput({"type": "date"}),
        Question.Type.FILE: SentFileInput(),
    }[Question.Type(kind)]


def _listed(choices: Sequence[str]) -> list[tuple[str, str]]:
    return [(choice, choice) for choice in choices]


def _help(question: Question, asked: Mapping[UUID, Question]) -> str:
    """Return what helps to answer, and of whom it is asked: without scripts every question stands there."""
    hints = [question.help_text] if question.help_text else []
    if question.type == Question.Type.FILE:
        hints.append(_("PDF, picture, text, docx or odt; at most 10 MB."))
    if question.attendance_type:
        hints.append(_("Only if you take part: %s.") % AttendanceType(question.attendance_type).label)
    if question.depends_on is not None:
        answers = _(", ").join(str(_said(value)) for value in question.depends_in)
        named = {"question": asked[question.depends_on].label, "answers": answers}
        hints.append(_("Only if your answer to “%(question)s” is: %(answers)s.") % named)
    return " ".join(hints)


def _condition(question: Question) -> str:
    """Return when the page shows the question, for its script; empty for always."""
    condition: dict[str, Any] = {}
    if question.attendance_type:
        condition["attendance_type"] = [question.attendance_type]
    if question.depends_on:
        values = [(_YES if value else _NO) if isinstance(value, bool) else value for value in question.depends_in]
        condition[_name(question.depends_on)] = values
    return json.dumps(condition) if condition else ""


def _name(key: UUID) -> str:
    """Return a field's name: where the API points in its faults."""
    return f"answers/{key}"


class QuestionForm(Form):
    """A form that asks, at its end, what an event asks."""

    data: Any  # what was sent, and changed by us

    def __init__(self, event: Event, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.event = event
        self.questions = questions_of(event)
        asked = {question.key: question for question in self.questions}
        for question in self.questions:
            self.fields[_name(question.key)] = Answer(question, asked)

    def clean(self) -> dict[str, Any]:
        """Check the answers, by the rules of the API."""
        try:
            check_answers(self.questions, self.answers(), self.cleaned_data.get("attendance_type", ""))
        except InvalidError as error:
            self.refuse(error)
        return self.cleaned_data

    def refuse(self, error: DomainError, at: str | None = None) -> None:
        """Say what a rule said; a file that it said no to is here no more."""
        super().refuse(error, at)
        files = {f"/{name}" for name, field in self.fields.items() if isinstance(field.widget, SentFileInput)}
        for fault in error.faults:
            if fault.pointer in files:
                self.data = self.data.copy()
                self.data.pop(fault.pointer.strip("/"), None)

    def answers(self) -> dict[str, object]:
        """Return the answers by the questions' keys; a file that is not kept yet has no id."""
        given = {str(question.key): self.cleaned_data.get(_name(question.key)) for question in self.questions}
        return {key: _COMING if isinstance(value, UploadedFile) else value for key, value in given.items()}

    def files_sent(self) -> dict[str, "UploadedFile[Any]"]:
        """Return the files that came with this form, by their fields."""
        given = {name: self.cleaned_data.get(name) for name in map(_name, (each.key for each in self.questions))}
        return {name: value for name, value in given.items() if isinstance(value, UploadedFile)}

    def fingerprint(self) -> str:
        """Return what tells these answers, with the content of the files among them, from others."""
        digests = {name: hashlib.file_digest(file, "sha256").hexdigest() for name, file in self.files_sent().items()}
        return repr((self.answers(), digests))

    def keep_files(self, client: str) -> None:
        """Keep the files that came with this form, so that the answers name them, whatever becomes of the form.

        InvalidError at the question whose file is too large, or of a type that we do not take.
        """
        for name, file in self.files_sent().items():
            file.seek(0)
            try:
                check_size(file.size or 0)
                upload = receive(self.event, file.name or "", file.read(), client=client)
            except (TooLargeError, UnsupportedTypeError) as error:
                raise InvalidError.at(Fault(f"/{name}", error.code, error.detail)) from error
            self.data, self.files = self.data.copy(), self.files.copy()
            self.cleaned_data[name] = self.data[name] = str(upload.pk)
            del self.files[name]


def shown_answers(registration: Registration, key: str) -> list[tuple[Question, SafeString | str]]:
    """Return what was asked and answered, as people read it; files as links that the holder's key opens."""
    return [
        (question, _shown(registration, question, value, key))
        for question, value in told([registration])[registration.pk]
    ]


def _shown(registration: Registration, question: Question, value: object, key: str) -> SafeString | str:
    if question.type == Question.Type.DATE:
        return date_format(date.fromisoformat(str(value)))
    if question.type != Question.Type.FILE:
        return _said(value)
    path = f"/api/registrations/{registration.pk}/files/{value}/"
    return format_html('<a href="{}?token={}">{}</a>', path, key, _("Your file"))


def _said(value: object) -> SafeString | str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return format_html_join(_(", "), "<bdi>{}</bdi>", ((choice,) for choice in value))
    return str(value)
