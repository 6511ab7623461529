"""What the OpenAPI document calls sets of choices: the same for every field that has them."""

ENUM_NAMES = {
    "AttendanceType": "turnout.events.models.AttendanceType",
    "EventKind": "turnout.events.models.Event.Kind",
    "EventStatus": "turnout.events.models.Event.Status",
    "Role": "turnout.accounts.models.Role",
    "TeamRole": "turnout.events.models.TeamMember.Role",
    "RegistrationStatus": "turnout.registrations.models.Registration.Status",
    "StayResult": "turnout.api.presence.RESULTS",
    "ArrivalResult": "turnout.api.self_check_in.RESULTS",
    "MailKind": "turnout.registrations.models.MailText.Kind",
    "MailState": "turnout.notifications.models.Message.State",
    "HealthStatus": "turnout.api.system.HealthStatus",
    "ScanResult": "turnout.attendance.models.Scan.Result",
    "OutcomeResult": "turnout.api.check_in.RESULTS",
    "CertificateRole": "turnout.certificates.models.Role",
    "CertificateStatus": "turnout.certificates.models.Standing",
}
