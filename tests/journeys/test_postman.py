"""The Postman collection in docs/: seed B's endpoints as its README lists them, run by newman against `make run`."""

import subprocess

from tests.support.demo import Demo
from tests.support.tools import NODE, ROOT, needs_node


@needs_node
def test_the_postman_collection_runs_green(demo: Demo) -> None:
    newman = NODE / "node_modules/.bin/newman"
    collection = ROOT / "docs/postman/turnout.postman_collection.json"
    done = subprocess.run(
        [newman, "run", collection, "--env-var", f"base={demo.address}", "--color", "off"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
