"""What lists and search go by: whether an event is over, and the folded words of its title."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.AddField("event", "over", models.BooleanField(default=False, editable=False)),
        migrations.AddField("event", "title_key", models.TextField(blank=True, editable=False)),
    ]
