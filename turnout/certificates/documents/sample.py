"""A certificate of nobody's, with everything on it that can be, by which templates are tried."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from turnout.certificates.documents import confined
from turnout.certificates.documents.making import data_of
from turnout.certificates.snapshots import Looks, Part, Signature, Snapshot
from turnout.core.pdf import GlyphError

_AT = datetime(2026, 3, 12, 9, tzinfo=UTC)

SAMPLE = Snapshot(
    name="Amina Haddad",
    role="participant",
    title="Certificate of participation",
    text="has taken part in",
    event="An introduction to machine learning",
    issuer="School of Data Science",
    location="Palais de la Culture, Algiers",
    starts_at=_AT,
    ends_at=_AT + timedelta(hours=6),
    timezone="Africa/Algiers",
    hours=Decimal("5.5"),
    language="en",
    criteria="Earned by being there.",
    sessions=(
        Part(title="Data and its sources", starts_at=_AT, ends_at=_AT + timedelta(hours=2)),
        Part(title="Models that learn", starts_at=_AT + timedelta(hours=3), ends_at=_AT + timedelta(hours=6)),
    ),
    looks=Looks(signatures=(Signature(name="Dr. Karima Belkacem", position="Head of programme"),)),
)


def check_template(source: str) -> str:
    """Return what is wrong with a template of somebody's own; nothing where a sample could be set by it."""
    data = data_of(SAMPLE, address="https://example.org/certificates/0/", number=2, at=_AT, credential="{}")
    try:
        confined.typeset(source, data, standard="a-3b", at=_AT)
    except confined.BrokenError as error:
        return str(error)
    except GlyphError:
        return ""  # a sign of its own that no font has: its papers say so
    return ""
