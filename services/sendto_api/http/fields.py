"""Field types that all resources share: trimmed texts with bounds, ids, times."""

import re
import unicodedata
from typing import Annotated, Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# The library's own way of taking reserved domains (RFC 6761): whether they lead anywhere is not syntax.
SPECIAL_USE_DOMAIN_NAMES.clear()

ID_MAX = 2**63 - 1
_PHONE = re.compile(r"^[0-9+().\-/ ]{1,25}$")
_PHONE_DIGITS_MIN, _PHONE_DIGITS_MAX = 7, 15


class Body(BaseModel):
    """Base of request bodies: strict types; what is unknown is told apart by `validate`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def _trim(value: Any) -> Any:  # noqa: ANN401 - before validation it is anything
    return value.strip() if isinstance(value, str) else value


def _blank_is_null(value: Any) -> Any:  # noqa: ANN401
    trimmed = _trim(value)
    return None if trimmed == "" else trimmed


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must not contain control characters")
    return text


def _lines(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" and character not in "\n\r\t" for character in text):
        raise ValueError("must not contain control characters other than newlines and tabs")
    return text


def _email(text: str) -> str:
    """Syntax only: no DNS, and reserved domains are accepted; kept as it was sent."""
    try:
        validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise ValueError("is not an email address") from None
    return text


def _phone(text: str) -> str:
    digits = sum(character.isdigit() for character in text)
    if not _PHONE.match(text) or not _PHONE_DIGITS_MIN <= digits <= _PHONE_DIGITS_MAX:
        raise ValueError("is not a phone number: digits with + ( ) . - / and spaces, 7 to 15 digits")
    return text


Trimmed = BeforeValidator(_trim)
Optional = BeforeValidator(_blank_is_null)
OneLine = AfterValidator(_one_line)
Lines = AfterValidator(_lines)
EmailSyntax = AfterValidator(_email)
PhoneSyntax = AfterValidator(_phone)

Id = Annotated[int, Field(ge=1, le=ID_MAX)]
Phone = Annotated[Annotated[str, Field(max_length=25), PhoneSyntax] | None, Optional]
