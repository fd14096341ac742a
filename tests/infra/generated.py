"""Schemathesis: calls generated from an OpenAPI document, each answer held against it."""

import asyncio
import os
import re
import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_COUNT = re.compile(rb"^ *([\d,]+) generated", re.MULTILINE)
# Whether a condition holds does not depend on the data alone.
_CONFIG = """\
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]
"""
_AUTH = """\
[auth.openapi.token]
bearer = "{token}"
"""


async def generated_calls(folder: Path, url: str, token: str | None, *options: str) -> int:
    """Call what the document at `url` describes in every way that it allows and forbids; how many calls were made.

    All checks are made, links are followed, and what is found fails the test.
    """
    config = folder / "schemathesis.toml"
    config.write_text(_CONFIG + (_AUTH.format(token=token) if token else ""))
    command = ["--config-file", str(config), "run", f"{url}/openapi.json", "--checks", "all", "--no-color", *options]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", *command),
        env=os.environ | {"SCHEMATHESIS_HOOKS": "infra.schemathesis_hooks", "PYTHONPATH": str(_TESTS)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    counted = _COUNT.search(output)
    assert counted, output.decode()
    return int(counted[1].replace(b",", b""))
