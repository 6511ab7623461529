"""Columns that the database holds in another form: encrypted, or folded to be searched."""

from typing import TYPE_CHECKING, Any, Self

import structlog
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Lookup, Transform

from turnout.core.sealing import SealedError, Use, seal, unseal
from turnout.core.text import searchable

log = structlog.get_logger()

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
    _CharField = models.CharField[str, str]
else:
    _TextField = models.TextField
    _CharField = models.CharField

START = "gAAAA"  # of every Fernet token, for some centuries: its version, and the first half of its time


class Unreadable(str):
    """What no secret in KEYS_SECRET opens: reads as empty, and is written back as it was."""

    __slots__ = ("sealed",)

    sealed: str

    def __new__(cls, sealed: str) -> Self:
        """Return an empty text that keeps what it could not read."""
        empty = super().__new__(cls, "")
        empty.sealed = sealed
        return empty


class EncryptedTextField(_TextField):
    """Text sealed as personal data. SQL can neither compare nor search it; only whether there is any (`isnull`).

    Empty text stays empty. What can't be opened, since its secret is lost, reads as empty and is logged; it stays as it
    is in the database until somebody writes another text.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.max_length is not None:
            self.validators.append(MaxLengthValidator(self.max_length))

    def get_prep_value(self, value: Any) -> Any:
        """Seal what goes into the database."""
        if isinstance(value, Unreadable):
            return value.sealed
        text: str | None = super().get_prep_value(value)
        return seal(Use.PERSONAL_DATA, text.encode()).decode("ascii") if text else text

    def from_db_value(self, value: str | None, _expression: object, _connection: object) -> str | None:
        """Open what comes out of it."""
        if not value:
            return value
        try:
            return unseal(Use.PERSONAL_DATA, value.encode()).decode()
        except SealedError:
            log.warning("unreadable", column=f"{self.model._meta.db_table}.{self.column}")
            return Unreadable(value)

    def get_lookup(self, lookup_name: str) -> "type[Lookup[Any]] | None":
        """Know no comparison: a text is sealed otherwise each time, so that none would ever find it."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> type[Transform] | None:
        """Know no part of it either."""
        return None


class WordsField(_CharField):
    """The folded words of another column of the row, with a space before each: what is searched by words.

    It is derived whenever a row is inserted or saved; `update_fields` has to name it, and an UPDATE has to write it.
    """

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        self.of = of
        super().__init__(*args, **{"editable": False, "blank": True, "default": "", **kwargs})

    def deconstruct(self) -> Any:
        """Tell the migrations how it is made."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: FBT001  # Django's signature
        """Derive it; some letters unfold into eighteen, so what is too long is cut."""
        text = searchable(getattr(model_instance, self.of))[: self.max_length]
        setattr(model_instance, self.attname, text)
        return text
