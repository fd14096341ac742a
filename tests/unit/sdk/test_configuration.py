"""An adapter's configuration: older keys go on working, mistakes are named, values never appear."""

from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError, model_validator

from sendto.sdk import AdapterConfig
from sendto.sdk.configuration import written_out


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


class _Pair(AdapterConfig):
    user: str = ""
    password: SecretStr

    @model_validator(mode="before")
    @classmethod
    def _login(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Older files have both in one table."""
        return dict(given["login"]) if "login" in given else given


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"user": "ada", "password": "s3cret"}, ["password"]),
        ({"login": {"user": "ada", "password": "s3cret"}}, ["login.password"]),
        ({"login": {"user": "ada", "password": "env:A"}}, []),
        ({"user": "s3cret", "password": "env:A"}, []),
    ],
)
def test_a_secret_that_is_written_out_is_named_also_under_a_key_of_before(given: Any, names: list[str]) -> None:
    made = _Pair(user="ada", password=SecretStr("s3cret"))

    assert written_out(_Pair, given, made) == names
