"""The pages' addresses."""

from django.conf import settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from turnout.web import events, mail, registrations

urlpatterns = [
    path("", events.home, name="home"),
    path("events/<uuid:event_id>/", events.event_page, name="event"),
    path("events/<uuid:event_id>/register/", registrations.register_page, name="register"),
    path("events/<uuid:event_id>/registered/", registrations.registered_page, name="registered"),
    path("confirm/", registrations.confirm_page, name="confirm"),
    path("registrations/<uuid:registration_id>/", registrations.registration_page, name="registration"),
    # On pages with a secret in the address no form can show where it comes from. Nobody gains by forging this one.
    path("language/", csrf_exempt(set_language), name="language"),
]
if settings.MAIL_SHOWN:
    urlpatterns += [
        path("mail/", mail.inbox, name="mail"),
        path("mail/<str:name>/", mail.read, name="mail-read"),
        path("mail/<str:name>/html/", mail.read_html, name="mail-html"),
        path("mail/<str:name>/files/<str:file>", mail.attachment, name="mail-file"),
    ]
