"""Every write of the room: issuing and what follows it here; rules, designs and erasing in modules of their own."""

from turnout.certificates.actions.issuing import (
    Named,
    correct,
    issue_by_hand,
    issue_due,
    issue_earned,
    issue_to,
    issue_to_each,
    revoke,
)

__all__ = ["Named", "correct", "issue_by_hand", "issue_due", "issue_earned", "issue_to", "issue_to_each", "revoke"]
