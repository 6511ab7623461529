from django.db import migrations

from turnout.core.fields import EncryptedTextField


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.AlterField("idempotentrequest", "reply", EncryptedTextField(null=True)),
    ]
