"""What lists and search go by: whether an event is over, and the folded words of its title."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Now

from turnout.core.text import words


def fill(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Derive both for what is there."""
    events = apps.get_model("events", "Event").objects
    events.filter(ends_at__lt=Now()).update(over=True)
    batch = []
    for event in events.filter(title_key="").only("title").iterator(2000):
        event.title_key = "".join(f" {word}" for word in words(event.title)) + " "
        batch.append(event)
        if len(batch) == 2000:
            events.bulk_update(batch, ["title_key"], batch_size=200)
            batch = []
    events.bulk_update(batch, ["title_key"], batch_size=200)


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.AddField("event", "over", models.BooleanField(default=False, editable=False)),
        migrations.AddField("event", "title_key", models.TextField(blank=True, editable=False)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex("event", models.Index(fields=["over", "starts_at", "id"], name="event_coming_by_start")),
        migrations.AddIndex("event", models.Index(fields=["over", "title", "id"], name="event_coming_by_title")),
        migrations.AddIndex("event", models.Index(fields=["over", "ends_at"], name="event_coming_by_end")),
        migrations.RemoveIndex("event", "event_by_location"),
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["location_key"], name="event_by_location_prefix", opclasses=["varchar_pattern_ops"]
            ),
        ),
    ]
