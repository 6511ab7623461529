"""Both, for the events that are there: in a transaction of its own, since PostgreSQL makes no index after such changes."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Now

from turnout.core.text import words

BATCH = 1000


def fill(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    events = apps.get_model("events", "Event").objects
    events.filter(ends_at__lt=Now()).update(over=True)
    batch = []
    for event in events.filter(title_key="").only("title").iterator(BATCH):
        event.title_key = "".join(f" {word}" for word in words(event.title)) + " "
        batch.append(event)
        if len(batch) == BATCH:
            events.bulk_update(batch, ["title_key"])
            batch = []
    events.bulk_update(batch, ["title_key"])


class Migration(migrations.Migration):
    dependencies = [("events", "0002_search")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
