"""An adapter's configuration: older keys go on working, mistakes are named, values never appear."""

from typing import ClassVar

import pytest
from pydantic import SecretStr, ValidationError

from sendto.sdk import AdapterConfig


class _Config(AdapterConfig):
    renamed: ClassVar = {"api_key": "token"}

    token: SecretStr
    """what we are known by"""


def test_an_older_key_is_taken_for_the_newer() -> None:
    assert _Config.model_validate({"api_key": "s3cret"}) == _Config.model_validate({"token": "s3cret"})


def test_both_keys_at_once_are_refused() -> None:
    with pytest.raises(ValidationError, match="api_key is the older name of token"):
        _Config.model_validate({"api_key": "s3cret", "token": "s3cret"})


@pytest.mark.parametrize("given", [{"token": ["s3cret"]}, {"token": "a", "other": "s3cret"}, "s3cret"])
def test_mistakes_are_named_without_the_value(given: object) -> None:
    with pytest.raises(ValidationError) as failure:
        _Config.model_validate(given)

    assert "s3cret" not in str(failure.value)


def test_the_docstring_is_the_fields_documentation() -> None:
    assert _Config.model_fields["token"].description == "what we are known by"
