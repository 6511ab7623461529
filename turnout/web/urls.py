"""The pages' addresses."""

from django.conf import settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from turnout.web import (
    certificates,
    enrollments,
    events,
    here,
    mail,
    notices,
    proofs,
    registrations,
    scanning,
    tickets,
    unsubscribing,
)
from turnout.web.accounts import own, passwords, sign_in, sign_up
from turnout.web.organise import (
    badges,
    certificate_design,
    certificate_rules,
    door,
    door_devices,
    mail_texts,
    people,
    room,
    webhooks,
)
from turnout.web.organise import certificates as organise_certificates
from turnout.web.organise import events as organise_events
from turnout.web.organise import mail as organise_mail

urlpatterns = [
    path("", events.home, name="home"),
    path("events/<uuid:event_id>/", events.event_page, name="event"),
    path("events/<uuid:event_id>/register/", registrations.register_page, name="register"),
    path("events/<uuid:event_id>/registered/", registrations.registered_page, name="registered"),
    path("events/<uuid:event_id>/enroll/", enrollments.enroll_page, name="enroll"),
    path("confirm/", registrations.confirm_page, name="confirm"),
    path("registrations/<uuid:registration_id>/", tickets.registration_page, name="registration"),
    path("registrations/<uuid:registration_id>/unsubscribe/", unsubscribing.unsubscribe_page, name="unsubscribe"),
    path("registrations/<uuid:registration_id>/certificate/", proofs.proof_page, name="proof"),
    path("certificates/", certificates.verify_page, name="verify-certificate"),
    path("certificates/<str:certificate_id>/", certificates.certificate_page, name="certificate"),
    path("my/certificates/", certificates.own_page, name="my-certificates"),
    path("here/<uuid:event_id>/", here.here_page, name="here"),
    path("my/tickets/", tickets.tickets_page, name="tickets"),
    path("notifications/", notices.notices_page, name="notifications"),
    path("organise/", organise_events.events_page, name="organise"),
    path("organise/<uuid:event_id>/", organise_events.desk_page, name="desk"),
    path("organise/<uuid:event_id>/publish/", organise_events.publish, name="publish"),
    path("organise/<uuid:event_id>/clone/", organise_events.clone_page, name="clone"),
    path("organise/<uuid:event_id>/webhooks/", webhooks.webhooks_page, name="webhooks"),
    path("organise/<uuid:event_id>/webhooks/<uuid:webhook_id>/", webhooks.webhook_page, name="webhook"),
    path("organise/<uuid:event_id>/door/devices/", door_devices.devices_page, name="door-devices"),
    path("organise/<uuid:event_id>/door/devices/<uuid:device_id>/", door_devices.device_page, name="door-device"),
    path("organise/<uuid:event_id>/door/rules/", room.rules_page, name="door-rules"),
    path("organise/<uuid:event_id>/room/", room.room_page, name="room"),
    path("organise/<uuid:event_id>/registrations/", people.people_page, name="people"),
    path("organise/<uuid:event_id>/registrations/<uuid:registration_id>/", people.person_page, name="person"),
    path("organise/<uuid:event_id>/certificates/", organise_certificates.certificates_page, name="event-certificates"),
    path(
        "organise/<uuid:event_id>/certificates/missing/",
        organise_certificates.missing_page,
        name="event-certificates-missing",
    ),
    path("organise/<uuid:event_id>/certificates/new/", organise_certificates.new_page, name="event-certificate-new"),
    path("organise/<uuid:event_id>/certificates/rules/", certificate_rules.rules_page, name="event-certificate-rules"),
    path(
        "organise/<uuid:event_id>/certificates/design/",
        certificate_design.design_page,
        name="event-certificate-design",
    ),
    path(
        "organise/<uuid:event_id>/certificates/<uuid:certificate_id>/",
        organise_certificates.certificate_page,
        name="event-certificate",
    ),
    path("organise/<uuid:event_id>/badges/", badges.badges_page, name="badges"),
    path("organise/<uuid:event_id>/door/", door.door_page, name="door"),
    path("organise/<uuid:event_id>/door/missing/", door.missing_page, name="door-missing"),
    path("organise/<uuid:event_id>/door/conflicts/", door.conflicts_page, name="door-conflicts"),
    path("organise/<uuid:event_id>/mail/", organise_mail.mail_page, name="event-mail"),
    path("organise/<uuid:event_id>/mail/new/", organise_mail.new_mailing_page, name="new-mailing"),
    path("organise/<uuid:event_id>/mail/texts/", mail_texts.texts_page, name="event-mail-texts"),
    path(
        "organise/<uuid:event_id>/mail/texts/<str:kind>/<str:language>/", mail_texts.text_page, name="event-mail-text"
    ),
    path("organise/<uuid:event_id>/mail/<uuid:mailing_id>/", organise_mail.mailing_page, name="mailing"),
    path("scan/", scanning.scan_page, name="scan"),
    path("scan/worker.js", scanning.scan_worker, name="scan-worker"),
    path("scan/who/", scanning.scan_who, name="scan-who"),
    path("signup/", sign_up.sign_up_page, name="signup"),
    path("signup/verify/", sign_up.verify_page, name="verify"),
    path("signup/verify/again/", sign_up.new_code, name="verify-again"),
    path("login/", sign_in.login_page, name="login"),
    path("login/code/", sign_in.second_factor_page, name="second-factor"),
    path("logout/", sign_in.logout_page, name="logout"),
    path("password/reset/", passwords.reset_page, name="reset"),
    path("password/reset/confirm/", passwords.new_password_page, name="new-password"),
    path("account/", own.account_page, name="account"),
    path("account/address/", own.address_page, name="account-address"),
    path("account/address/code/", own.address_code_page, name="account-address-code"),
    path("account/password/", own.password_page, name="account-password"),
    path("account/sessions/", own.sessions_page, name="account-sessions"),
    path("account/calendar/", own.calendar_page, name="account-calendar"),
    path("account/export/", own.export_page, name="account-export"),
    path("account/erase/", own.erase_page, name="account-erase"),
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
