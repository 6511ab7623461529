"""The pages' addresses."""

from django.conf import settings
from django.urls import path

from turnout.web import home, mail, registrations

urlpatterns = [
    path("", home.home, name="home"),
    path("confirm/", registrations.confirm_page, name="confirm"),
    path("registrations/<uuid:registration_id>/", registrations.registration_page, name="registration"),
]
if settings.MAIL_SHOWN:
    urlpatterns += [
        path("mail/", mail.inbox, name="mail"),
        path("mail/<str:name>/", mail.read, name="mail-read"),
        path("mail/<str:name>/html/", mail.read_html, name="mail-html"),
        path("mail/<str:name>/files/<str:file>", mail.attachment, name="mail-file"),
    ]
