"""What the kit says when an adapter does not keep a promise."""

from typing import NoReturn


class Breach(AssertionError):  # noqa: N818 - named for what happened
    """An adapter breaks the contract; the text says how, and what to do instead."""


def breach(text: str) -> NoReturn:
    """Say that the contract is broken."""
    raise Breach(text)


def require(holds: object, text: str) -> None:
    """Say so unless this holds."""
    if not holds:
        breach(text)
