"""PostgreSQL finds words by an index of trigrams. What is found is the same without it."""

import logging

from django.apps.registry import Apps
from django.db import Error, migrations, transaction
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
        editor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON events_event USING gin ({column} gin_trgm_ops)")


def remove(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for name in INDEXED:
            editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("events", "0002_search")]

    operations = [migrations.RunPython(make, remove)]
