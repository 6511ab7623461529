from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_by_subject")]

    operations = [
        migrations.AddIndex("message", models.Index(fields=["recipient"], name="message_by_recipient")),
    ]
