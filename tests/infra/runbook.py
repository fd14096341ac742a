"""Runbooks as tests read them: sections of numbered steps, each with a command or done by hand."""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_STEP = re.compile(r"^\d+\. ", re.MULTILINE)
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One step: what its first line says, and its shell lines, if it has any."""

    says: str
    shell: str | None


def sections(page: Path) -> dict[str, list[Step]]:
    """The steps of each section, by its title."""
    _, *parts = _SECTION.split(page.read_text(encoding="utf-8"))
    return {
        title: [_step(text) for text in _STEP.split(body)[1:]] for title, body in zip(*[iter(parts)] * 2, strict=True)
    }


def _step(text: str) -> Step:
    blocks = [dedent(block) for block in _BLOCK.findall(text)]
    return Step(text.strip().splitlines()[0].strip(), "".join(blocks) or None)
