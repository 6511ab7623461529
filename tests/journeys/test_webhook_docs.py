"""docs/webhooks.md: the code that it gives to those who receive verifies what we sign, and nothing else."""

import json
import re
import subprocess
from pathlib import Path

from tests.support.tools import ROOT, needs_node
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.notifications.webhooks.models import KINDS, MORE_KINDS
from turnout.notifications.webhooks.signing import new_secret, signed_headers

TEXT = (ROOT / "docs/webhooks.md").read_text()


@needs_node
def test_the_example_for_node_verifies_what_is_signed_and_refuses_what_is_not(tmp_path: Path) -> None:
    (example,) = re.findall(r"```js\n(.*?)```", TEXT, re.DOTALL)
    secret, old, body = new_secret(), new_secret(), json.dumps({"type": "webhook.test", "name": "أمينة"})
    headers = signed_headers(new_id(), now(), body.encode(), [new_secret(), secret])
    asked = [
        [secret, headers, body],
        [secret, headers, body + " "],
        [old, headers, body],
        [secret, headers | {"webhook-timestamp": "1"}, body],
    ]
    program = tmp_path / "verify.mjs"
    program.write_text(
        f"{example}\nconst told = {json.dumps(asked)}.map((each) => "
        "{ try { return verify(...each).type; } catch (error) { return error.message; } });\n"
        "console.log(JSON.stringify(told));\n"
    )
    done = subprocess.run(["node", program], capture_output=True, text=True, check=True, timeout=60)  # noqa: S607
    assert json.loads(done.stdout) == [
        "webhook.test",
        "not signed by this secret",
        "not signed by this secret",
        "too old, or too new",
    ]


def test_every_kind_is_in_it() -> None:
    assert [kind for kind in (*KINDS, *MORE_KINDS) if f"`{kind}`" not in TEXT] == []
