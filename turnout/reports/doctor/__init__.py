"""The doctor: looks at what Turnout leans on and the product itself can't mend, and says what to do."""

import time
from concurrent.futures import Future

from turnout.reports.doctor import cache, clock, configuration, database, dkim, dmarc, queue, sender, spf, storage
from turnout.reports.doctor.findings import Check, Finding, Level, begin
from turnout.reports.doctor.trial_mail import send_test_mail

__all__ = ["Finding", "Level", "examine", "send_test_mail"]

_PATIENCE = 8.0  # seconds for all that is asked of others

# These may wait for somebody else, so they run beside each other; none asks the database.
_ABROAD = (
    sender.mail_server,
    sender.sender,
    sender.mail_exchanger,
    spf.spf,
    dkim.dkim,
    dmarc.dmarc,
    clock.ntp,
    cache.cache,
    storage.files,
    storage.disk,
    storage.permissions,
)
_IN_DATABASE = (
    database.settings_that_risk_loss,
    database.migrations,
    clock.database_clock,
    queue.queue,
)
_AT_HOME = (configuration.production, configuration.secrets, configuration.languages)


def examine() -> list[Finding]:
    """Look at everything, and return what was found, in one order. It takes eight seconds at most beside the database.

    A check that raises or does not end in time is `unknown`. Nothing is changed but a small file, made and deleted.
    """
    ends_at = time.monotonic() + _PATIENCE
    abroad = [(check, begin(check)) for check in _ABROAD]
    found = [finding for check in _AT_HOME for finding in check()]
    answers = database.answers()
    found += answers
    # Each would wait for it again.
    if all(finding.level == Level.OK for finding in answers):
        found += [finding for check in _IN_DATABASE for finding in check()]
    return found + [finding for check, outcome in abroad for finding in _awaited(check, outcome, ends_at)]


def _awaited(check: Check, outcome: Future[list[Finding]], ends_at: float) -> list[Finding]:
    try:
        return outcome.result(timeout=max(ends_at - time.monotonic(), 0))
    except TimeoutError:
        return [Finding(check.name, Level.UNKNOWN, f"There was no answer within {_PATIENCE:.0f} seconds.")]
