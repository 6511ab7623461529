"""What serves lists and search. PostgreSQL finds words by trigrams; what is found is the same without them."""

import logging

from django.apps.registry import Apps
from django.db import Error, migrations, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEXED = {"event_by_words": "search_text", "event_by_title_words": "title_key"}


def make(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the indexes where the extension is there, or may be made: a host that has neither must not be stuck here."""
    if editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(editor.connection.alias):
            editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except Error as error:
        logging.getLogger("turnout.events").warning(
            "pg_trgm is missing, so searching many events is slow. docs/settings.md says how to add it later. %s", error
        )
        return
    for name, column in INDEXED.items():
        # With a hundred samples a word of one event in a hundred counts as absent, and the planner as misled.
        editor.execute(f"ALTER TABLE events_event ALTER COLUMN {column} SET STATISTICS 1000")
        editor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON events_event USING gin ({column} gin_trgm_ops)")


def remove(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for name in INDEXED:
            editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("events", "0003_fill_search")]

    operations = [
        migrations.AddIndex("event", models.Index(fields=["over", "starts_at", "id"], name="event_coming_by_start")),
        migrations.AddIndex("event", models.Index(fields=["over", "title", "id"], name="event_coming_by_title")),
        migrations.RemoveIndex("event", "event_by_location"),
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["location_key"], name="event_by_location_prefix", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.RunPython(make, remove),
    ]
