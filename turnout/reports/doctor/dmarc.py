"""DMARC (RFC 7489): what others shall do with mail in our name that is not ours."""

from collections.abc import Iterator

from turnout.reports.doctor import names
from turnout.reports.doctor.findings import Remark, check, error, ok, warning
from turnout.reports.doctor.sender import asked_domain

_POLICIES = ("none", "quarantine", "reject")


@check("DMARC")
def dmarc() -> Iterator[Remark]:
    """Look at the record of the sender's domain, else of the nearest domain above it that has one."""
    domain = asked_domain()
    if not domain:
        return  # `sender` says so
    owner, records = _nearest(domain)
    if not records:
        yield warning(
            f"{domain} has no DMARC record: large providers refuse mass mail from it, and others send in its name.",
            f'Add a TXT record at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:postmaster@{domain}". '
            "Once its reports show that all your mail passes, make it p=quarantine.",
        )
    elif len(records) > 1:
        yield error(
            f"There are {len(records)} DMARC records at _dmarc.{owner}: others take no notice of any.", "Keep one."
        )
    else:
        yield _judge(records[0], of_parent=owner != domain)


def _nearest(domain: str) -> tuple[str, list[str]]:
    """Return the domain, or the one above it, that has records, and them. Of one label there is nobody to ask."""
    labels = domain.split(".")
    for owner in (".".join(labels[start:]) for start in range(len(labels) - 1)):
        records = [text for text in names.texts(f"_dmarc.{owner}") if text.partition(";")[0].strip() == "v=DMARC1"]
        if records:
            return owner, records
    return domain, []


def _judge(record: str, *, of_parent: bool) -> Remark:
    pairs = (part.partition("=") for part in record.split(";"))
    tags = {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
    policy = tags.get("sp", tags.get("p", "")) if of_parent else tags.get("p", "")
    if policy not in _POLICIES:
        return error(f"The DMARC record names no policy: {record}", "Write p=none, p=quarantine or p=reject after v=.")
    if policy == "none":
        return warning(
            f"The DMARC record only watches: {record}",
            "Once its reports (rua=) show that all your mail passes, make it p=quarantine, then p=reject.",
        )
    return ok(record)
