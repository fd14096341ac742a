"""What is asked of an erasure, and what it tells."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sendto_api.http.fields import ID_MAX, Body, Id, Whole, email

Email = Annotated[str, email(254)]


def _one_of_both(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema what the validator asks for: exactly one, and never null."""
    for name in ("order_id", "email"):
        schema["properties"][name].pop("default")
    schema["oneOf"] = [{"required": ["order_id"]}, {"required": ["email"]}]


class ErasureBody(Body):
    """Whom to forget: the person of one order, or of every order with an email address. One of the two is given."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra=_one_of_both)

    order_id: Id = 0
    email: Email = ""
    after: Annotated[int, Field(ge=0, le=ID_MAX), Whole] = 0
    """`next` of the answer before, to go on from there"""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if {"order_id", "email"} <= self.model_fields_set or not {"order_id", "email"} & self.model_fields_set:
            raise ValueError("needs either order_id or email")
        return self


class ErasureObject(BaseModel):
    """What was forgotten so far. Nothing in it tells of the person."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    erasures: list[int]
    """the erasures that are not finished, this one and such as were cut short; `finish` takes them"""
    orders: list[int]
    """the orders of all of them"""
    customers: int
    """customers that were deleted"""
    events: int
    """events that were taken out of the outbox"""
    answers: int
    """stored answers to repeated requests that were deleted"""
    next: int | None
    """where to go on in the outbox; null: all of it was looked at"""


class FinishBody(Body):
    """Which erasures are finished everywhere."""

    erasures: Annotated[list[Id], Field(max_length=1_000)]


class FinishedObject(BaseModel):
    """How many erasures are finished now."""

    finished: int
