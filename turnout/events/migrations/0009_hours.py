import django.core.validators
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0008_enrollments'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='event',
            name='event_offers_last',
        ),
        migrations.RemoveConstraint(
            model_name='event',
            name='event_asks_before_it_releases',
        ),
        migrations.AlterField(
            model_name='event',
            name='ask_hours',
            field=models.PositiveSmallIntegerField(blank=True, help_text='So long before it starts people are asked whether they still come.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)]),
        ),
        migrations.AlterField(
            model_name='event',
            name='offer_hours',
            field=models.PositiveSmallIntegerField(blank=True, help_text='So long is a free seat kept for who is first in line. Empty: it is theirs.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)]),
        ),
        migrations.AlterField(
            model_name='event',
            name='release_hours',
            field=models.PositiveSmallIntegerField(blank=True, help_text='So long before it starts the seats of those who did not answer are released.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)]),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(('offer_hours__isnull', True), ('offer_hours__range', (1, 8760)), _connector='OR'), name='event_offers_last', violation_error_message='An offer lasts from an hour to a year.'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(('release_hours__isnull', True), models.Q(('ask_hours__gt', models.F('release_hours')), ('ask_hours__isnull', False), ('release_hours__gte', 1)), _connector='OR'), name='event_asks_before_it_releases', violation_error_message='People are asked earlier than their seats are released.'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(('ask_hours__isnull', True), ('ask_hours__range', (1, 8760)), _connector='OR'), name='event_asks_in_time', violation_error_message='People are asked from an hour to a year before.'),
        ),
    ]
