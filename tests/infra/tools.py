"""Programs of the machine that some tests need. Where they ought to be there, their absence fails the run."""

import os
import shutil

import pytest

REQUIRED_VARIABLE = "SENDTO_TEST_TOOLS"


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where `SENDTO_TEST_TOOLS` is `required`."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed (Debian's package of that name)"
        if os.environ.get(REQUIRED_VARIABLE) == "required":
            pytest.fail(message)
        pytest.skip(message)
    return path
