"""What `make run` shows: accounts, this week's workshops, one event that is over and certified, conferences to come.

Loaded twice it is there once. What a person changes in it stays changed, but for one thing: the password on the printed
page always lets them in.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice

from turnout.accounts.actions import create_account, create_staff
from turnout.accounts.actions.passwords import set_password
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import Role, User
from turnout.accounts.queries import by_address
from turnout.core.clock import now
from turnout.core.text import digest
from turnout.events.actions import Capacity, Parts, create_event, import_events, save_partner, save_speaker
from turnout.events.imports import read_conferences
from turnout.events.models import Event, Partner, Session, Speaker
from turnout.events.timezones import start_of_day
from turnout.jobs.demo_past import load_past

ADMINISTRATOR, FACILITATOR, SEEKER = "admin@example.org", "facilitator@example.org", "seeker@example.org"

_DATA = Path(__file__).parent / "demo_data"
_SECRET_BYTES = 20  # RFC 4226 recommends 160 bits
_NOTICE = timedelta(minutes=30)  # so much time there is at least before a workshop, while the week allows it


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in to the demo, with all it takes."""

    role: str
    email: str
    password: str
    secret: str = ""  # of the second factor, where there is one, in base32, as authenticator apps take it
    link: str = ""  # the same as otpauth://


def load_demo() -> list[Account]:
    """Load what is not there yet, and return who can sign in, the administrator first: the same at every run."""
    password, secret = _credentials()
    facilitator, seeker = _person(FACILITATOR, Role.FACILITATOR, password), _person(SEEKER, Role.SEEKER, password)
    accounts = [_administrator(password, secret), *(Account(u.role, u.email, password) for u in (facilitator, seeker))]
    _load_workshops(now(), facilitator)
    load_past(_monday(now()) - timedelta(days=2), facilitator, seeker)  # it is over, wherever one reads the clock
    _load_conferences()
    return accounts


def page(address: str, accounts: list[Account]) -> str:
    """Return what the person who started the demo reads: where everything is, and who can sign in."""
    places = {"Home": "/", "API docs": "/api/docs/", "Mail": "/mail/", "Admin": "/admin/"}
    if not settings.MAIL_SHOWN:
        del places["Mail"]
    lines = [
        f"{settings.SITE_NAME}, with demo data under {settings.DATA_DIR}. Ctrl+C ends it.",
        "",
        *(f"  {name:<9} {address}{path}" for name, path in places.items()),
        "",
        "Accounts: role, address, password",
        "",
        *(f"{account.role}  {account.email}  {account.password}" for account in accounts),
    ]
    for account in accounts:
        if account.secret:
            named = f"Second factor of {account.email}, for an authenticator app: {account.secret}"
            lines += ["", named, account.link]
    if address != settings.PUBLIC_BASE_URL:
        lines += ["", f"Links in mails lead to {settings.PUBLIC_BASE_URL} (PUBLIC_BASE_URL or PORT changes that)."]
    return "\n".join(["", *lines, ""])


# --- Who can sign in ---------------------------------------------------------------------------------------------


def _person(email: str, role: str, password: str) -> User:
    user = by_address(email) or create_account(email, password, role=role, name=f"Demo {role}")
    if not user.check_password(password):
        set_password(user, password)
    return user


def _administrator(password: str, secret: str) -> Account:
    user = by_address(ADMINISTRATOR) or create_staff(ADMINISTRATOR, password, name="Demo")
    if not user.check_password(password):
        set_password(user, password)
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    if device is None:
        enrol_second_factor(user, secret=base64.b32decode(secret))
        device = TOTPDevice.objects.get(user=user)
    return Account("staff", user.email, password, base64.b32encode(device.bin_key).decode(), device.config_url)


def _credentials() -> tuple[str, str]:
    """Return password and second factor's secret, made at the first run and kept where only this user can read."""
    path: Path = settings.DATA_DIR / "demo.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return str(kept["password"]), str(kept["secret"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        password = secrets.token_urlsafe(12)
        secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(json.dumps({"password": password, "secret": secret}), encoding="utf-8")
    unfinished.replace(path)
    return password, secret


# --- This week's workshops ---------------------------------------------------------------------------------------


def _load_workshops(moment: datetime, owner: User) -> None:
    """Make the workshops of this moment's week; those of other weeks stay as they are."""
    monday = _monday(moment)
    year, week, _weekday = monday.isocalendar()
    workshops = {digest("demo", f"{year}-W{week:02}", row["slug"]): row for row in _rows("workshops")}
    known = set(Event.objects.filter(source_key__in=workshops).values_list("source_key", flat=True))
    if len(known) == len(workshops):
        return
    partners = _partners()
    speakers = _speakers(partners)
    for rank, (key, row) in enumerate(workshops.items(), start=1):
        if key not in known:
            starts_at = _start(row, monday, moment, share=rank / (len(workshops) + 1))
            _create_workshop(Event(source_key=key, owner=owner), row, starts_at, partners, speakers)


def _monday(moment: datetime) -> date:
    """Return the first day of its week."""
    today = moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    return today - timedelta(days=today.weekday())


def _start(row: dict[str, Any], monday: date, moment: datetime, *, share: float) -> datetime:
    """Return when a workshop begins: at its own hour, on its own day of the week or the first one that is not past.

    When its hour has passed on Sunday too, it gets its share of what is left of the week: so whenever a week's set is
    made, all of it is still to come.
    """
    zone, hour = ZoneInfo(row["timezone"]), time.fromisoformat(row["time"])
    end = start_of_day(monday + timedelta(days=7), settings.TIME_ZONE)
    for day in range(row["weekday"], 8):  # the eighth: where the site's Sunday is the place's Monday
        starts_at = datetime.combine(monday + timedelta(days=day), hour, zone).astimezone(UTC)
        if moment + _NOTICE <= starts_at < end:
            return starts_at
    squeezed = moment + (end - moment) * share
    quarter = squeezed.replace(minute=squeezed.minute // 15 * 15, second=0, microsecond=0)
    return quarter if quarter > moment else squeezed


def _create_workshop(
    event: Event, row: dict[str, Any], starts_at: datetime, partners: dict[str, Partner], speakers: dict[str, Speaker]
) -> None:
    sessions = [
        Session(
            title=part["title"],
            room=part["room"],
            starts_at=starts_at + timedelta(minutes=part["start"]),
            ends_at=starts_at + timedelta(minutes=part["start"] + part["minutes"]),
        )
        for part in row["sessions"]
    ]
    attendance = row.get("attendance", [])
    fields = {name: row.get(name, "") for name in ("title", "description", "location", "online_url", "timezone")}
    for name, value in fields.items():
        setattr(event, name, value)
    event.kind = Event.Kind.WORKSHOP
    event.offers_on_site, event.offers_online = "on_site" in attendance, "online" in attendance
    event.starts_at, event.ends_at = starts_at, max(session.ends_at for session in sessions)
    event.partner = partners.get(row["partner"])
    parts = Parts(languages=row["languages"], speakers=[speakers[name] for name in row["speakers"]], sessions=sessions)
    create_event(event, Capacity(row.get("capacity"), row.get("capacities", {})), parts)


def _partners() -> dict[str, Partner]:
    """Return the demo's partners by name; those that are missing are made."""
    found = {row["name"]: Partner.objects.filter(name=row["name"]).first() for row in _rows("partners")}
    return {row["name"]: found[row["name"]] or save_partner(Partner(**row)) for row in _rows("partners")}


def _speakers(partners: dict[str, Partner]) -> dict[str, Speaker]:
    """Return the demo's speakers by name; those that are missing are made."""
    found = {row["name"]: Speaker.objects.filter(name=row["name"]).first() for row in _rows("speakers")}
    return {
        row["name"]: found[row["name"]] or save_speaker(Speaker(**row | {"partner": partners.get(row["partner"])}))
        for row in _rows("speakers")
    }


# --- Conferences to come -----------------------------------------------------------------------------------------


def _load_conferences() -> None:
    """Import the conferences that are not there; what somebody changed in the others stays."""
    drafts = read_conferences((_DATA / "conferences.json").read_bytes()).drafts
    keys = [draft.source_key for draft in drafts]
    known = set(Event.objects.filter(source_key__in=keys).values_list("source_key", flat=True))
    import_events([draft for draft in drafts if draft.source_key not in known])


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))
    return rows
