"""Those that are there: in a transaction of its own, since PostgreSQL makes no index after such changes."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from turnout.core.text import searchable

BATCH = 1000


def fill(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    registrations = apps.get_model("registrations", "Registration").objects
    batch = []
    for registration in registrations.only("full_name").order_by("id").iterator(BATCH):
        registration.name_key = searchable(registration.full_name)[:400]
        batch.append(registration)
        if len(batch) == BATCH:
            registrations.bulk_update(batch, ["name_key"])
            batch = []
    registrations.bulk_update(batch, ["name_key"])


class Migration(migrations.Migration):
    dependencies = [("registrations", "0010_search")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
