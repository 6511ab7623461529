"""Links with which somebody on staff sets up a second factor: signed, for a day, until one is confirmed."""

from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of, unconfirmed_second_factor_of
from turnout.core.errors import GoneError
from turnout.core.ids import decode_id, encode_id

LINK_LIVES = timedelta(hours=24)
_PROOF_LIVES = timedelta(minutes=15)


def enrolment_link(user: User) -> str:
    """Return the address of the page where this person, by their password, sets up a second factor."""
    return f"{settings.PUBLIC_BASE_URL}/admin/second-factor/enrol/?token={_signer(user).sign(encode_id(user.pk))}"


def read_link(token: str) -> User:
    """Return whom a link is for. GoneError `link_expired` if it is too old, was used, or is none of ours."""
    try:
        user = User.objects.get(pk=decode_id(token.partition(".")[0]), is_active=True, is_staff=True)
        _signer(user).unsign(token, max_age=LINK_LIVES)
    except (BadSignature, ValueError, User.DoesNotExist) as error:
        raise GoneError(_("This link is over. Ask for another."), "link_expired") from error
    return user


def password_proof(user: User) -> str:
    """Return a text which says that who set up the present unconfirmed device has shown the password."""
    device = unconfirmed_second_factor_of(user)
    return TimestampSigner(salt="turnout.second_factor.password").sign(str(device and device.pk))


def proves_password(user: User, proof: str) -> bool:
    """Tell whether the text is such a proof, of this device, and not too old."""
    device = unconfirmed_second_factor_of(user)
    try:
        shown = TimestampSigner(salt="turnout.second_factor.password").unsign(proof, max_age=_PROOF_LIVES)
    except BadSignature:
        return False
    return device is not None and shown == str(device.pk)


def _signer(user: User) -> TimestampSigner:
    # The salt names the device that is to be replaced: once it is, the link is void.
    device = second_factor_of(user)
    return TimestampSigner(salt=f"turnout.second_factor.enrol.{device and device.pk}", sep=".")
