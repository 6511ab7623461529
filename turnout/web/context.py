"""What every page says about the site it belongs to."""

from django.conf import settings
from django.http import HttpRequest


def site(_request: HttpRequest) -> dict[str, object]:
    """Return the site's name, and whether its mails are shown instead of sent."""
    return {"site_name": settings.SITE_NAME, "mail_shown": settings.MAIL_SHOWN}
