"""Every address."""

from django.contrib import admin
from django.urls import include, path

from turnout.api.credentials import DidView
from turnout.config.esp import tracking

urlpatterns = [
    *tracking(),
    path(".well-known/did.json", DidView.as_view()),
    path("api/", include("turnout.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("turnout.web.urls")),
]

handler400 = "turnout.config.errors.bad_request"
handler403 = "turnout.config.errors.forbidden"
handler404 = "turnout.config.errors.not_found"
handler500 = "turnout.config.errors.server_error"
