"""Reading a request's query: each parameter by its type, all that is wrong told at once."""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import Request

from sendto_api.http.fields import ID_MAX, one_line
from sendto_api.http.problems import Problem

T = TypeVar("T")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_MOST_VALUES = 100


class Query:
    """The parameters of one request; what is wrong with them is kept until `done`."""

    def __init__(self, request: Request) -> None:
        self._given: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            self._given.setdefault(name, []).append(value)
        self._errors: dict[str, list[str]] = {}

    def read(self, name: str, parse: Callable[[str], T], *, several: bool = False) -> T | None:
        """A parameter, None if it is not given. One of several values may be given several times, as clients do."""
        values = self._given.get(name)
        if values is None:
            return None
        try:
            if several:
                values = [",".join(values)]
            if len(values) > 1:
                raise ValueError("is given more than once")  # noqa: TRY301 - told like all that is wrong
            return parse(one_line(values[0]))
        except ValueError as error:
            self._errors[name] = [str(error)]
            return None

    def done(self) -> None:
        """Raise a 400 problem if anything was wrong."""
        if self._errors:
            raise Problem(HTTPStatus.BAD_REQUEST, "Some parameters are not valid.", errors=self._errors)


def number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number in decimal digits."""

    def parse(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def numbers(text: str) -> tuple[int, ...]:
    """Reads one id or several, separated by commas."""
    return tuple(sorted(set(_several(text, number(1, ID_MAX)))))


def words(allowed: Iterable[str]) -> Callable[[str], list[str]]:
    """Reads one word of some or several, separated by commas."""

    def parse(text: str) -> list[str]:
        return _several(text, word(allowed))

    return parse


def word(allowed: Iterable[str]) -> Callable[[str], str]:
    """Reads one word of some."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def short_text(most: int) -> Callable[[str], str]:
    """Reads a text of so many characters."""

    def parse(text: str) -> str:
        if len(text) > most:
            raise ValueError(f"must not be longer than {most} characters")
        return text

    return parse


def _several(text: str, parse: Callable[[str], T]) -> list[T]:
    parts = text.split(",")
    if len(parts) > _MOST_VALUES:
        raise ValueError(f"must not have more than {_MOST_VALUES} values")
    return [parse(part.strip()) for part in parts]
