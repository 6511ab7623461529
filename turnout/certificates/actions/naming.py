"""The name that a certificate will bear, put right by its holder before it is issued."""

from django.utils.translation import gettext as _

from turnout.certificates.queries import certificate_of
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.registrations.actions.names import rename
from turnout.registrations.models import Registration


@transactional
def correct_name(registration: Registration, name: str, *, actor: str) -> Registration:
    """Write the holder's name as their certificate should have it, until it is issued: from then on the team corrects.

    ConflictError `certificate_issued`; `registration_closed` for what was cancelled, declined or has expired.
    """
    # Locked as whoever issues locks it: the name is on the certificate, or it is told that it comes too late.
    list(Registration.objects.select_for_update().filter(pk=registration.pk).values_list("pk"))
    if certificate_of(registration) is not None:
        message = _("It is issued already. The organisers can correct the name on it.")
        raise ConflictError(message, "certificate_issued")
    return rename(registration, name, actor=actor)
