"""The providers' own OpenAPI documents. They are not ours to copy: tests read them where they are, or are skipped."""

import os
from pathlib import Path

import pytest

SPECS_VARIABLE = "SENDTO_SPECS_DIR"
BESIDE = Path(__file__).parents[3] / "shared" / "specs"
"""where they are if nothing else is said: beside the checkout"""


def specs_folder() -> Path | None:
    """The folder of the documents, if there is one."""
    folder = Path(os.environ.get(SPECS_VARIABLE, BESIDE))
    return folder if folder.is_dir() else None


def specification(path: str) -> Path:
    """One document, or the end of the test where it is not: a failure where it should be."""
    file = Path(os.environ.get(SPECS_VARIABLE, BESIDE)) / path
    if file.is_file():
        return file
    reason = f"the provider's document {file} is not here; {SPECS_VARIABLE} names the folder of such documents"
    if os.environ.get("CI") == "true" and BESIDE.parent.is_dir():
        pytest.fail(reason)
    pytest.skip(reason)
