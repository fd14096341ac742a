"""Which settings are secrets: found in every shape that a model can have, and written out or not."""

from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel, Field, RootModel, Secret, SecretBytes, SecretStr

from sendto.kernel.secret_settings import Unless, secrets_given


class _Inner(BaseModel):
    key: SecretStr | None = None
    name: str = ""


class _Keys(RootModel[list[SecretStr]]):
    pass


class _Config(BaseModel):
    renamed: ClassVar = {"old_token": "token"}

    token: SecretStr | None = None
    raw: SecretBytes | None = None
    number: Secret[int] | None = None
    several: Annotated[list[SecretStr], Field(min_length=1)] = []
    by_name: dict[str, SecretStr] = {}
    inner: _Inner | None = None
    inners: list[_Inner] = []
    keys: _Keys | None = None
    either: str | Annotated[SecretStr, Field(min_length=3)] = ""
    called: SecretStr | None = Field(None, alias="apiKey")
    address: Annotated[SecretStr, Unless(lambda text: "@" not in text)] | None = None
    name: str = ""
    free: Any = None


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"token": "x"}, ["token"]),
        ({"old_token": "x"}, ["old_token"]),
        ({"apiKey": "x"}, ["apiKey"]),
        ({"raw": "x"}, ["raw"]),
        ({"number": 7}, ["number"]),
        ({"several": ["x", "env:A", "y"]}, ["several.0", "several.2"]),
        ({"by_name": {"a": "file:a", "b": "x"}}, ["by_name.b"]),
        ({"inner": {"key": "x", "name": "y"}}, ["inner.key"]),
        ({"inners": [{"name": "y"}, {"key": "x"}]}, ["inners.1.key"]),
        ({"keys": ["x"]}, ["keys.0"]),
        ({"either": "x"}, ["either"]),
        ({"address": "db://user:word@host"}, ["address"]),
        ({"address": "db://host"}, []),
        ({"token": "env:A", "raw": "file:a", "several": ["env:B"]}, []),
        ({"name": "x", "free": {"token": "x"}, "unknown": "x"}, []),
        ({"token": ""}, ["token"]),
    ],
)
def test_a_secret_that_is_written_out_is_found(given: dict[str, Any], names: list[str]) -> None:
    assert [secret.name for secret in secrets_given(_Config, given) if secret.written_out] == names


@pytest.mark.parametrize("given", [{"token": {"a": "x"}}, {"inner": "x"}, {"several": "x"}, {"by_name": ["x"]}])
def test_what_has_the_wrong_shape_is_left_to_the_model(given: dict[str, Any]) -> None:
    assert not [secret for secret in secrets_given(_Config, given) if secret.path == ("token", "a")]


def test_no_value_is_shown() -> None:
    assert "s3cret" not in repr(secrets_given(_Config, {"token": "s3cret"}))
