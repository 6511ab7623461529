"""Events by the million: as many as asked for, as much like real ones as a few thousand real ones can make them.

A few thousand templates are made with the model itself, so that whatever `clean()` derives is there; SQL multiplies
them, giving each copy what must differ. A sample is then read back, and must be as `clean()` would leave it.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection as django_connection
from django.db.models import Model
from psycopg import sql

from bench.bare import literal
from bench.options import ROOT
from turnout.core.clock import now
from turnout.core.text import words
from turnout.events.imports import Draft, read_conferences
from turnout.events.models import Event, EventLanguage, Partner, SeatPool, Session, Speaker

_SEED = 20
_PARTNERS, _SPEAKERS = 200, 2_000
_SAMPLE = 300
_INVENTED = 4_000
_PLACES = (
    ("Algiers", "Algeria"),
    ("Paris", "France"),
    ("Berlin", "Germany"),
    ("Tunis", "Tunisia"),
    ("Oslo", "Norway"),
)
_SENTENCE = range(20, 60)  # words added to a description: topics alone are shorter than what people write

# What differs from copy to copy, as SQL over `n` (the copy's number), `t` (its template) and `c` (what is computed
# once a copy). Columns not named here are the template's; names that the model does not have are left out.
_DIFFERS = {
    "id": "pg_temp.made_id(c.created_at, n, 'event')",
    "created_at": "c.created_at",
    "starts_at": "c.starts_at",
    "ends_at": "c.starts_at + (t.ends_at - t.starts_at)",
    "over": "c.starts_at + (t.ends_at - t.starts_at) <= now()",
    "registration_closes_at": "CASE WHEN n % 3 = 0 THEN c.starts_at END",
    "source_key": "CASE WHEN t.source_key IS NOT NULL THEN encode(sha256(n::text::bytea), 'hex') END",
    "partner_id": "CASE WHEN n % 4 = 0 THEN (%(partners)s::uuid[])[1 + n % cardinality(%(partners)s::uuid[])] END",
    # One word that no other event has: without it even the rarest word would be on hundreds of copies. It stands last,
    # so that what is derived from the title alone stays as it is.
    "description": "t.description || ' Ref' || lpad(n::text, 8, '0')",
    "search_text": "t.search_text || ' ref' || lpad(n::text, 8, '0')",
    # Nobody is reminded while there is something to measure.
    "reminder_hours": "'[]'::jsonb",
    "reminds_at": "NULL::timestamptz",
}
# A row a minute, from one fixed moment on: an event's id can be computed from its number.
_CREATED = "timestamptz '2024-01-01 00:00Z' + n * interval '1 minute'"
_COPIES = f"""
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    JOIN template AS t ON t.number = n % %(templates)s
    CROSS JOIN LATERAL (SELECT
        date_trunc('day', now()) - interval '1096 days'
            -- The golden ratio spreads any number of copies evenly over three years past and one to come.
            + floor((n * 0.6180339887498949 - floor(n * 0.6180339887498949)) * 1461) * interval '1 day'
            + (t.starts_at - date_trunc('day', t.starts_at)) AS starts_at,
        {_CREATED} AS created_at
    ) AS c
"""
_FROM_NUMBERS = f"FROM unnest(%(numbers)s::bigint[]) AS n CROSS JOIN LATERAL (SELECT {_CREATED} AS created_at) AS c"
_MADE_ID = """
    CREATE FUNCTION pg_temp.made_id(moment timestamptz, n bigint, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$
        -- The layout of a UUID of version 7: milliseconds first, so that indexes grow at their end.
        SELECT (encode(substring(int8send((extract(epoch FROM moment) * 1000)::bigint) FROM 3), 'hex')
            || '7' || substr(md5(salt || n), 1, 3) || '8' || substr(md5(n || salt), 1, 15))::uuid
    $$
"""
_EVENT = _DIFFERS["id"]
_PARTS: tuple[tuple[type[Model], dict[str, str], str], ...] = (
    (
        SeatPool,
        {
            "id": "pg_temp.made_id(c.created_at, n, 'pool' || way)",
            "event_id": _EVENT,
            "attendance_type": "way",
            "capacity": "CASE WHEN n % 3 > 0 THEN 20 + n % 500 END",
            "taken": "0",
            "waiting": "0",
            "seq": "0",
        },
        # Every tenth has its seats by attendance type, where it offers both.
        """CROSS JOIN LATERAL unnest(CASE WHEN n % 10 = 0 AND t.offers_on_site AND t.offers_online
           THEN ARRAY['on_site', 'online'] ELSE ARRAY[''] END) AS way""",
    ),
    (
        EventLanguage,
        {"event_id": _EVENT, "code": "spoken.code", "rank": "spoken.place - 1"},
        "CROSS JOIN LATERAL unnest(t.languages) WITH ORDINALITY AS spoken(code, place)",
    ),
    (
        Session,
        {
            "id": "pg_temp.made_id(c.created_at, n, 'session' || part)",
            "event_id": _EVENT,
            "title": "'Session ' || part",
            "starts_at": "c.starts_at + part * interval '1 hour'",
            "ends_at": "c.starts_at + part * interval '1 hour' + interval '50 minutes'",
            "room": "'Room ' || part",
            "description": "'What part ' || part || ' is about.'",
            "language": "''",
            "track": "''",
        },
        "CROSS JOIN generate_series(1, 3) AS part WHERE n % 4 = 0",
    ),
    (
        Event.speakers.through,
        {
            "event_id": _EVENT,
            "speaker_id": "(%(speakers)s::uuid[])[1 + (n + part) % cardinality(%(speakers)s::uuid[])]",
        },
        "CROSS JOIN generate_series(1, 2) AS part WHERE n % 3 = 0",
    ),
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that people would search for, by how many templates have them."""

    common: list[str]
    middling: list[str]  # in about one of a hundred
    rare: list[str]  # in one
    short: list[str]  # of two letters
    places: list[str]
    languages: list[str]


class Loader:
    """Fills a database step by step. Its connection must be in autocommit, and stays open: templates live in it."""

    def __init__(self, database: psycopg.Connection) -> None:
        self._database, self._count = database, 0
        templates = make_templates()
        self._templates = len(templates)
        self.vocabulary = _vocabulary(templates)
        self._store(templates)
        partners = [Partner(name=f"Partner {number}", level="gold") for number in range(_PARTNERS)]
        Partner.objects.bulk_create(partners)
        speakers = [Speaker(name=f"Speaker {number}", bio="Speaks.") for number in range(_SPEAKERS)]
        Speaker.objects.bulk_create(speakers)
        self._people = {"partners": [row.pk for row in partners], "speakers": [row.pk for row in speakers]}

    def grow_to(self, size: int) -> None:
        """Let there be so many events in all, with all that belongs to them, and statistics of them."""
        numbers: dict[str, Any] = {"first": self._count + 1, "last": size, "templates": self._templates}
        models: list[type[Model]] = [Event, *(model for model, _, _ in _PARTS)]
        with self._database.transaction(), _indexes_aside(self._database, models):
            # Foreign keys are checked a row at a time, which takes longer than all the rest; ours are right as made.
            self._database.execute("SET LOCAL session_replication_role = replica")
            self._insert(Event, _event_columns(), "", numbers)
            for part, columns, source in _PARTS:
                self._insert(part, columns, source, numbers)
        self._count = size
        for model in models:
            self._database.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(model._meta.db_table)))
        self._database.execute("CHECKPOINT")
        self._check_sample(size)

    def _insert(self, model: type[Model], columns: dict[str, str], source: str, numbers: dict[str, Any]) -> None:
        columns = {**_defaults(model), **columns}
        statement = (
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
            f"{_COPIES} {source}"
        )
        # `%` is the remainder in ours, and a parameter's mark to psycopg.
        self._database.execute(statement.replace(" % ", " %% ").encode(), numbers | self._people)

    def published(self, count: int) -> list[str]:
        """Return the ids of so many published events, from all over the table."""
        numbers = random.Random(_SEED).sample(range(1, self._count + 1), min(self._count, 2 * count))
        made = self._database.execute(
            f"SELECT {_EVENT} {_FROM_NUMBERS}".encode(),
            {"numbers": numbers},
        ).fetchall()
        listed = Event.objects.listed().filter(pk__in=[row[0] for row in made])
        return [str(key) for key in listed.values_list("pk", flat=True)[:count]]

    def _check_sample(self, size: int) -> None:
        """Raise ValueError if some event is not as the model would have written it."""
        share = min(100.0, 100 * _SAMPLE / size)
        ids = self._database.execute("SELECT id FROM events_event TABLESAMPLE BERNOULLI (%s)", [share]).fetchall()
        for event in Event.objects.filter(pk__in=[row[0] for row in ids]):
            stored, ended = _values(event), event.ends_at <= now() - timedelta(hours=1)
            event.clean()
            if _values(event) != stored or (ended and not getattr(event, "over", True)):
                raise ValueError(f"event {event.pk} is not as clean() writes it: extend bench/data.py")

    def _store(self, templates: Sequence[tuple[Event, tuple[str, ...]]]) -> None:
        self._database.execute(_MADE_ID)
        table, fields = Event._meta.db_table, Event._meta.concrete_fields
        self._database.execute(
            f"CREATE TEMPORARY TABLE template AS SELECT *, 0::bigint AS number, NULL::text[] AS languages "  # noqa: S608
            f"FROM {table} WITH NO DATA".encode()
        )
        names = ", ".join([*(str(field.column) for field in fields), "number", "languages"])
        with self._database.cursor().copy(f"COPY template ({names}) FROM STDIN".encode()) as copy:
            for number, (event, languages) in enumerate(templates):
                copy.write_row([*as_row(event), number, list(languages)])
        self._database.execute("CREATE UNIQUE INDEX ON template (number)")
        self._database.execute("ANALYZE template")


def _defaults(model: type[Model]) -> dict[str, str]:
    """Return, as SQL, what the model's columns hold where nobody says."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key and not field.null]
    return {str(field.column): literal(field.get_default()) for field in fields if not field.is_relation}


def as_row(instance: Model) -> list[Any]:
    """Return what an instance would be written as, in the order of its columns."""
    fields = instance._meta.concrete_fields
    return [field.get_db_prep_save(getattr(instance, field.attname), django_connection) for field in fields]


def _values(instance: Model) -> list[Any]:
    return [getattr(instance, field.attname) for field in instance._meta.concrete_fields]


def make_templates() -> list[tuple[Event, tuple[str, ...]]]:
    """Return unsaved events and their languages, made from real conferences, or from invented ones without those."""
    drafts = read_conferences(_conferences()).drafts
    dice = random.Random(_SEED)
    said = [word for draft in drafts for word in f"{draft.title} {draft.description}".split() if word[-1] != ":"]
    return [(_template(draft, said, dice), draft.languages or ("en",)) for draft in drafts]


def _template(draft: Draft, said: Sequence[str], dice: random.Random) -> Event:
    event = Event(
        kind=dice.choices(Event.Kind.values, [25, 50, 15, 8, 2])[0],
        status=dice.choices(Event.Status.values, [2, 96, 2])[0],
        title=draft.title,
        description=f"{draft.description} {' '.join(dice.choices(said, k=dice.choice(_SENTENCE)))}".strip(),
        website=draft.website,
        location=draft.location,
        online_url="https://example.org/live" if draft.offers_online else "",
        offers_on_site=draft.offers_on_site,
        offers_online=draft.offers_online,
        timezone=draft.timezone,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        source_key=draft.source_key,
    )
    event.clean()
    return event


def _conferences() -> bytes:
    shared = Path(os.environ.get("TURNOUT_SHARED", ROOT.parent / "shared"))
    real = shared / "data" / "conferences.json"
    return real.read_bytes() if real.exists() else _invented()


def _invented() -> bytes:
    """Return conferences in the same form, of words made from syllables: few are common, most are rare."""
    dice = random.Random(_SEED)
    syllables = [first + second for first in "bdfklmnprstv" for second in "aeiou"]
    made = ["".join(dice.choices(syllables, k=dice.choice([1, 2, 3, 3, 4]))) for _ in range(4_000)]
    weights = [1 / place for place in range(1, len(made) + 1)]  # as often as in any language (Zipf)
    rows = []
    for number in range(_INVENTED):
        day = f"2025-{1 + number % 12:02}-{1 + number % 28:02}"
        city, country = dice.choice(_PLACES)
        rows.append(
            {
                "name": f"{' '.join(dice.choices(made, weights, k=3))} {number}".title(),
                "startDate": day,
                "endDate": day,
                "city": city,
                "country": country,
                "online": number % 4 == 0,
                "locales": dice.choice(["EN", "FR", "EN,FR", "DE"]),
                "topics": dice.choices(made, weights, k=5),
            }
        )
    return json.dumps(rows).encode()


def _vocabulary(templates: Sequence[tuple[Event, tuple[str, ...]]]) -> Vocabulary:
    events = [event for event, _ in templates]
    found = Counter(word for event in events for word in set(words(f"{event.title} {event.description}")))
    ranked = [word for word, _ in found.most_common() if word.isascii() and word.isalpha()]
    long = [word for word in ranked if len(word) > len("conf")]
    middle = min(range(len(long)), key=lambda place: abs(found[long[place]] - len(events) / 100))
    cities = Counter(event.location.partition(",")[0] for event in events if event.location)
    return Vocabulary(
        common=long[:5],
        middling=long[max(middle - 5, 5) :][:5],
        rare=[word for word in long if found[word] == 1][:5],
        short=[word for word in ranked if len(word) == len("go")][:5],
        places=[city for city, _ in cities.most_common(5)],
        languages=[code for code, _ in Counter(code for _, codes in templates for code in codes).most_common(5)],
    )


def _event_columns() -> dict[str, str]:
    return {
        str(field.column): _DIFFERS.get(str(field.column), f"t.{field.column}") for field in Event._meta.concrete_fields
    }


@contextmanager
def _indexes_aside(database: psycopg.Connection, models: Sequence[type[Model]]) -> Iterator[None]:
    """Take away the indexes that no constraint needs, and make them anew: that is faster than growing them."""
    found = database.execute(
        """SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND NOT EXISTS
           (SELECT FROM pg_constraint WHERE conindid = format('%%I.%%I', schemaname, indexname)::regclass)""",
        [[model._meta.db_table for model in models]],
    ).fetchall()
    for name, _ in found:
        database.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in found:
        database.execute(definition.encode())
