"""The sandbox's settings."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sendto.runtime.settings import HttpSettings, LogSettings


class SandboxSection(HttpSettings):
    """[sandbox]."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8082
    data_dir: Path = Path("sandbox")
    """folder of its durable state and log; made if it is missing"""
    token: SecretStr | None = None
    """the bearer token that callers must send; none: nobody is asked"""


class SandboxSettings(BaseModel):
    """Everything that the sandbox reads from the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    log: LogSettings = LogSettings()
    sandbox: SandboxSection = SandboxSection()
