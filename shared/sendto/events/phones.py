"""E.164 forms of phone numbers. Imported by the services only: the sdk does without phonenumbers."""

import phonenumbers


def e164(number: str | None, default_region: str) -> str | None:
    """A phone number as `+` and digits, None if it is none; without a country code it is of the default region."""
    if not number:
        return None
    try:
        parsed = phonenumbers.parse(number, default_region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
