"""Those that are there: in a transaction of its own, since PostgreSQL alters no table after such changes."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from turnout.core.rotation import seal_column


def encrypt(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    seal_column(apps.get_model("core", "IdempotentRequest"), "reply")


class Migration(migrations.Migration):
    dependencies = [("core", "0002_replies_are_encrypted")]

    operations = [migrations.RunPython(encrypt, migrations.RunPython.noop, elidable=True)]
