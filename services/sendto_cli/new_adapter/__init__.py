"""`sendto adapter new`: writes a plugin project for a new adapter.

The template is a whole project for an adapter named `acme`; its own tests are part of ours. Making a project is copying
it under another name.
"""

import re
from pathlib import Path

from sendto_cli.errors import CommandFailed

_TEMPLATE = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RENAMED = {"gitignore": ".gitignore"}
_LEFT_OUT = {"__pycache__", ".pytest_cache"}


def write_project(name: str, folder: Path) -> list[Path]:
    """Write the project into a folder that is not there yet, or is empty; the files, in order.

    Raises:
        CommandFailed: the name is no good, or something is in the way.
    """
    if not _NAME.fullmatch(name):
        raise CommandFailed(f"{name!r} cannot be an adapter's name: small letters, digits and _, a letter first")
    if folder.exists() and any(folder.iterdir()):
        raise CommandFailed(f"{folder} is not empty")
    written = []
    for source in sorted(_TEMPLATE.rglob("*")):
        if source.is_dir() or _LEFT_OUT & set(source.parts):
            continue
        place = source.relative_to(_TEMPLATE)
        target = folder / _named(str(place.with_name(_RENAMED.get(place.name, place.name))), name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_named(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        written.append(target)
    return written


def _named(text: str, name: str) -> str:
    """The template's text for another adapter."""
    words = "".join(part.capitalize() for part in name.split("_"))
    text = text.replace("sendto-acme", f"sendto-{name.replace('_', '-')}")
    return (
        text.replace("acme.example", f"{name.replace('_', '-')}.example")
        .replace("ACME", name.upper())
        .replace("Acme", words)
        .replace("acme", name)
    )
