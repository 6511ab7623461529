from django.db import migrations

from turnout.core.fields import EncryptedTextField


class Migration(migrations.Migration):
    dependencies = [("registrations", "0002_attendance_type_labels")]

    operations = [migrations.AlterField("registration", "phone", EncryptedTextField(blank=True, max_length=20))]
