"""The production server's entrance, for granian (`manage.py serve`), gunicorn and Passenger alike."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turnout.config.settings")
application = get_wsgi_application()

from turnout.jobs.server import begin  # noqa: E402  # needs the settings

begin()
