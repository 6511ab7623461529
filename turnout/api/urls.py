"""The API's addresses."""

from django.urls import path, re_path

from turnout.api import accounts, attacks, captcha, events, me, partners, registrations, speakers, system, two_factor
from turnout.api.errors import unknown_address

urlpatterns = [
    path("auth/signup/", accounts.SignUpView.as_view()),
    path("auth/verify/", accounts.VerifyView.as_view()),
    path("auth/verify/resend/", accounts.ResendView.as_view()),
    path("auth/login/", accounts.LoginView.as_view()),
    path("auth/refresh/", accounts.RefreshView.as_view()),
    path("auth/logout/", accounts.LogoutView.as_view()),
    path("auth/password/reset/", accounts.ResetView.as_view()),
    path("auth/password/reset/confirm/", accounts.NewPasswordView.as_view()),
    path("token/", accounts.TokenView.as_view()),
    path("token/refresh/", accounts.TokenRefreshView.as_view()),
    path("me/", me.MeView.as_view()),
    path("me/export/", me.ExportView.as_view()),
    path("events/", events.EventListView.as_view()),
    path("events/search/", events.EventSearchView.as_view()),
    path("events/<uuid:pk>/", events.EventDetailView.as_view()),
    path("workshops/", events.WorkshopsOfTheWeekView.as_view()),
    path("workshops/all/", events.WorkshopListView.as_view()),
    path("workshops/<uuid:pk>/", events.WorkshopDetailView.as_view()),
    path("speakers/", speakers.SpeakerListView.as_view()),
    path("speakers/<uuid:pk>/", speakers.SpeakerDetailView.as_view()),
    path("partners/", partners.PartnerListView.as_view()),
    path("partners/<uuid:pk>/", partners.PartnerDetailView.as_view()),
    path("registrations/", registrations.RegistrationsView.as_view()),
    path("registrations/confirm-email/", registrations.ConfirmView.as_view()),
    path("registrations/<uuid:registration_id>/", registrations.RegistrationView.as_view()),
    path("registrations/<uuid:registration_id>/cancel/", registrations.CancelView.as_view()),
    path("registrations/<uuid:registration_id>/ticket/", registrations.TicketView.as_view()),
    path("registrations/<uuid:registration_id>/ticket.<str:form>", registrations.TicketFileView.as_view()),
    path("events/<uuid:pk>/attack-mode/", attacks.EventSwitchView.as_view()),
    path("events/<uuid:pk>/burst/", attacks.BurstView.as_view()),
    path("events/<uuid:pk>/burst/rollback/", attacks.RollbackView.as_view()),
    path("events/<uuid:pk>/burst/rollback/<uuid:rollback_id>/undo/", attacks.UndoView.as_view()),
    path("attack-mode/", attacks.SwitchView.as_view()),
    path("captcha/", captcha.CaptchaView.as_view()),
    path("me/two-factor/", two_factor.TwoFactorView.as_view()),
    path("me/two-factor/confirm/", two_factor.TwoFactorConfirmView.as_view()),
    path("health/", system.HealthView.as_view()),
    path("schema/", system.SchemaView.as_view(), name="schema"),
    path("docs/", system.DocsView.as_view(url_name="schema")),
    re_path(r"", unknown_address),
]
