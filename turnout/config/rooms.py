"""Which room speaks for what: rooms below find the ones above by name, here, and never by an import."""

# The body of a mail, by the first word of its kind.
MESSAGE_RENDERERS = {
    "account": "turnout.accounts.mails.render",
    "certificate": "turnout.certificates.mails.render",
    "doctor": "turnout.reports.doctor.trial_mail.render",
    "mailing": "turnout.registrations.mailings.mails.render",
    "registration": "turnout.registrations.mails.render",
    "team": "turnout.events.mails.render",
}
# The data of a webhook's body, by the same.
WEBHOOK_RENDERERS = {
    "certificate": "turnout.certificates.webhooks.render",
    "checkin": "turnout.attendance.webhooks.render",
    "event": "turnout.events.webhooks.render",
    "registration": "turnout.registrations.webhooks.render",
}
WEBHOOK_TOPICS = "turnout.events.queries.topics_of"  # of an account, whose webhooks are off where it is
# A notice's sentence, by the same.
NOTICE_WRITERS = {
    "certificate": "turnout.certificates.notices",
    "registration": "turnout.registrations.notices",
    "webhook": "turnout.notifications.webhooks.notices",
}
