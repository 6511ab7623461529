"""What a credential says: an Open Badge 3.0 made of nothing but a version's snapshot, its address and its bit."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from turnout.certificates.credentials.issuer import did
from turnout.certificates.credentials.proofs import CONTEXTS
from turnout.certificates.models import Role, Version
from turnout.certificates.snapshots import Snapshot

_TYPES = {Role.PARTICIPANT: "CertificateOfCompletion"}  # of the words that Open Badges has; all others are an award
_THANKS = "Award"


def status_list_address(number: int) -> str:
    """Return where the list of what was revoked is found."""
    return f"{settings.PUBLIC_BASE_URL}/api/credentials/status/{number}/"


def badge(version: Version) -> dict[str, Any]:
    """Return the credential of a version, not yet signed; it is read with its certificate, and was not erased."""
    says, address = version.says, version.certificate.address(version.number)
    return {
        "@context": CONTEXTS,
        "id": address,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": f"{says.title}: {says.event}",
        "issuer": {"id": did(), "type": ["Profile"], "name": says.issuer},
        "validFrom": _utc(version.issued_at),
        "credentialSubject": _subject(version, says),
        **({"evidence": _evidence(says, address)} if says.sessions else {}),
        "credentialStatus": _status(version),
    }


def _subject(version: Version, says: Snapshot) -> dict[str, Any]:
    """Return who earned what. The holder is a name: no address, and an id that nothing else of theirs has."""
    holder = {"type": "IdentityObject", "hashed": False, "identityHash": says.name, "identityType": "name"}
    return {
        "id": version.certificate_id.urn,
        "type": ["AchievementSubject"],
        "identifier": [holder],
        "role": says.role,
        "activityStartDate": _local(says.starts_at, says),
        "activityEndDate": _local(says.ends_at, says),
        **({} if says.hours is None else {"creditsEarned": float(says.hours)}),
        "achievement": _achievement(says),
    }


def _achievement(says: Snapshot) -> dict[str, Any]:
    """Return what was earned, under an id that is derived from it: all who earned the same share it."""
    where_and_when = (says.title, says.location, _local(says.starts_at, says)[:10])
    achievement = {
        "type": ["Achievement"],
        "achievementType": _TYPES.get(Role(says.role), _THANKS),
        "name": says.event,
        "description": ", ".join(part for part in where_and_when if part),
        "criteria": {"narrative": says.criteria},
        "inLanguage": says.language,
    }
    return {"id": uuid.uuid5(uuid.NAMESPACE_URL, did() + json.dumps(achievement)).urn, **achievement}


def _evidence(says: Snapshot, address: str) -> list[dict[str, Any]]:
    """Return the sessions attended, each with when it was as an interval of ISO 8601."""
    return [
        {
            "id": f"{address}#session-{number}",
            "type": ["Evidence"],
            "name": part.title,
            "description": f"{_local(part.starts_at, says)}/{_local(part.ends_at, says)}",
        }
        for number, part in enumerate(says.sessions, 1)
    ]


def _status(version: Version) -> dict[str, str]:
    address = status_list_address(version.status_list)
    return {
        "id": f"{address}#{version.status_index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(version.status_index),
        "statusListCredential": address,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(moment: datetime, says: Snapshot) -> str:
    """Return a moment as it was on the clocks there, so that it begins with the day on which it was."""
    return moment.astimezone(ZoneInfo(says.timezone)).isoformat(timespec="seconds")
