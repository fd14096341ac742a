"""Field types that all resources share: trimmed texts with bounds, ids, times, codes.

Each says in its JSON Schema what it takes, so that generated clients and generated tests know it too. Texts are looked
at for control characters as they were sent, then trimmed, then measured.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import pycountry
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from sendto_api.http.times import CLOCK_FORMAT, DATE_FORMAT, MOMENT_FORMAT, parse_clock, parse_date, parse_moment

# The library's own way of taking reserved domains (RFC 6761): whether they lead anywhere is not syntax.
SPECIAL_USE_DOMAIN_NAMES.clear()

ID_MAX = 2**63 - 1
INT32_MAX = 2**31 - 1
COUNTRIES = frozenset(country.alpha_2 for country in pycountry.countries)
CURRENCIES = frozenset(currency.alpha_3 for currency in pycountry.currencies)

# Addresses that are good beyond doubt, as nearly all are; the library, which takes 50 µs, looks at the others.
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}", re.ASCII
)
_PLAIN_EMAIL_MOST = 64
_DIGITS = "0123456789"
_PHONE_MARKS = "+().-/ "
_PHONE_DIGITS_MIN, _PHONE_DIGITS_MAX, _PHONE_MOST = 7, 15, 25
_IN_LINES = frozenset("\n\r\t")
# What `str.strip` takes away, as far as one line may hold it.
_BLANK = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROL = r"\u0000-\u001f\u007f-\u009f"
"""Unicode's Cc, for a character class"""
_CONTROL_IN_LINES = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"


class Body(BaseModel):
    """Base of request bodies: strict types; what is unknown is told apart by `validate`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """An annotation of a field: what makes its value of what was sent, what it must be then, and the JSON Schema."""

    before: Callable[[Any], Any]
    after: Callable[[Any], Any]
    schema: dict[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wrap the type's own schema."""
        checked = core_schema.no_info_after_validator_function(self.after, handler(source))
        return core_schema.no_info_before_validator_function(self.before, checked)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema as it was given."""
        del schema, handler
        return dict(self.schema)


def one_line(value: Any) -> Any:  # noqa: ANN401 - before validation it is anything
    """Trim a text; refuse control characters."""
    return _trimmed(value, frozenset(), "must not contain control characters")


def _lines(value: object) -> object:
    return _trimmed(value, _IN_LINES, "must not contain control characters other than newlines and tabs")


def _trimmed(value: object, allowed: frozenset[str], complaint: str) -> object:
    if not isinstance(value, str):
        return value
    # What is printable holds none, and telling so costs a hundredth of looking at each character.
    if not value.isprintable() and any(
        unicodedata.category(character) == "Cc" and character not in allowed for character in value
    ):
        raise ValueError(complaint)
    return value.strip()


def _line_or_null(value: object) -> object:
    return one_line(value) or None if isinstance(value, str) else value


def _lines_or_null(value: object) -> object:
    return _lines(value) or None if isinstance(value, str) else value


def _bounded(least: int, most: int) -> Callable[[Any], Any]:
    def check(value: str | None) -> str | None:
        if value is not None and len(value) < least:
            raise ValueError("must not be blank")
        if value is not None and len(value) > most:
            raise ValueError(f"must not be longer than {most} characters")
        return value

    return check


def _schema(most: int, *, blank: bool, lines: bool = False) -> dict[str, Any]:
    """The JSON Schema of a text; in regular expressions that every dialect reads the same way."""
    inner = f"[^{_CONTROL_IN_LINES if lines else CONTROL}]*"
    if blank:
        return {"type": ["string", "null"], "maxLength": most, "pattern": f"^{inner}$"}
    return {"type": "string", "maxLength": most, "pattern": f"^{inner}[^{_BLANK}{CONTROL}]{inner}$"}


def text(most: int) -> Rule:
    """A text in one line that must not be blank."""
    return Rule(one_line, _bounded(1, most), _schema(most, blank=False))


def maybe_text(most: int) -> Rule:
    """A text in one line that may be left out; a blank one is null."""
    return Rule(_line_or_null, _bounded(0, most), _schema(most, blank=True))


def maybe_lines(most: int) -> Rule:
    """The same, which may hold newlines and tabs."""
    return Rule(_lines_or_null, _bounded(0, most), _schema(most, blank=True, lines=True))


def lines_text(most: int) -> Rule:
    """A text in several lines that is never null: null and blank are empty."""
    schema = _schema(most, blank=True, lines=True)
    return Rule(lambda value: "" if value is None else _lines(value), _bounded(0, most), schema)


def email(most: int) -> Rule:
    """An email address by its syntax: no DNS, and reserved domains are accepted; kept as it was sent."""

    def check(value: str) -> str:
        _bounded(1, most)(value)
        if len(value) <= _PLAIN_EMAIL_MOST and _PLAIN_EMAIL.fullmatch(value):
            return value
        try:
            validate_email(value, check_deliverability=False, globally_deliverable=False)
        except EmailNotValidError:
            raise ValueError("is not an email address") from None
        return value

    return Rule(one_line, check, {"type": "string", "format": "email", "maxLength": most})


def one_of(values: tuple[str, ...]) -> Rule:
    """One of some words."""
    return Rule(one_line, _among(frozenset(values), f"one of {', '.join(values)}"), {"enum": list(values)})


def _code(codes: frozenset[str], kind: str) -> Rule:
    schema = {
        "anyOf": [{"type": "string", "enum": sorted(codes)}, {"type": "null"}],
        "description": f"{kind[0].upper()}{kind[1:]}.",
    }
    return Rule(_line_or_null, _among(codes, kind), schema)


def _among(values: frozenset[str], kind: str) -> Callable[[Any], Any]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in values:
            raise ValueError(f"must be {kind}")
        return value

    return check


def _phone(value: str | None) -> str | None:
    if value is None:
        return None
    digits = sum(character in _DIGITS for character in value)
    allowed = len(value) <= _PHONE_MOST and all(character in _DIGITS + _PHONE_MARKS for character in value)
    if not allowed or not _PHONE_DIGITS_MIN <= digits <= _PHONE_DIGITS_MAX:
        raise ValueError("is not a phone number: 7 to 15 digits with + ( ) . - / and spaces, 25 characters at most")
    return value


def _time(parse: Callable[[str], object], form: str, description: str) -> Rule:
    def check(value: str | None) -> str | None:
        if value is not None:
            parse(value)
        return value

    return Rule(_line_or_null, check, {"type": ["string", "null"], "format": form, "description": description})


def _whole(value: object) -> object:
    """JSON has one kind of number: `2.0` is the integer 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_MARK = r"[+().\-/ ]"
_PHONE_SCHEMA = {
    "type": ["string", "null"],
    "maxLength": _PHONE_MOST,
    "pattern": rf"^(?:(?:{_MARK}*[0-9]){{{_PHONE_DIGITS_MIN},{_PHONE_DIGITS_MAX}}}{_MARK}*| *)$",
    "description": "7 to 15 digits with + ( ) . - / and spaces. Blank is null.",
}
Whole = BeforeValidator(_whole)
Id = Annotated[int, Field(ge=1, le=ID_MAX), Whole]
Count = Annotated[int, Field(ge=0, le=INT32_MAX), Whole]
Phone = Annotated[str | None, Rule(_line_or_null, _phone, _PHONE_SCHEMA)]
Country = Annotated[str | None, _code(COUNTRIES, "a country's code of ISO 3166 (alpha-2)")]
Currency = Annotated[str | None, _code(CURRENCIES, "a currency's code of ISO 4217")]
Moment = Annotated[
    str | None,
    _time(
        lambda value: parse_moment(value, "UTC"),
        MOMENT_FORMAT,
        "2020-05-24 13:13:00 (in the site's time zone), or with T, Z or an offset.",
    ),
]
Day = Annotated[
    str | None, _time(parse_date, DATE_FORMAT, "2020-05-24 or 2020-05-24 00:00:00, in the site's time zone.")
]
Clock = Annotated[str | None, _time(parse_clock, CLOCK_FORMAT, "13:13:00 or 13:13, in the site's time zone.")]
