"""Where a certificate can be shown, outside of us."""

from urllib.parse import urlencode

from django.utils.timezone import localtime

from turnout.certificates.models import Version


def linkedin(version: Version) -> str:
    """Return the address at which its holder adds it to their LinkedIn profile: nothing is sent before they do."""
    says, issued = version.says, localtime(version.issued_at)
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": f"{says.title}: {says.event}",
        "organizationName": says.issuer,
        "issueYear": issued.year,
        "issueMonth": issued.month,
        "certUrl": version.certificate.address(),
        "certId": version.certificate_id,
    }
    return f"https://www.linkedin.com/profile/add?{urlencode(fields)}"
