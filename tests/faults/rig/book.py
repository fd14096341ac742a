"""What was written: kept by the writers, read by the checker."""

import random
import time
from dataclasses import dataclass, field
from typing import Any

from faults.checking.records import State, Written


@dataclass(slots=True)
class Book:
    """Everything that was surely taken, and a number for the next person, so that no two have the same e-mail."""

    written: list[Written] = field(default_factory=list)
    people: int = 0

    def add(self, reference: str, version: int, state: State | None) -> None:
        """Note a write that was taken now."""
        self.written.append(Written(reference=reference, version=version, state=state, at_s=time.time()))

    def person(self) -> dict[str, Any]:
        """A customer whom nobody else is."""
        self.people += 1
        return {
            "first_name": f"Ada{self.people}",
            "last_name": "Lovelace",
            "email": f"ada{self.people}@shop.test",
            "mobile_number": f"+4477009{self.people % 100_000:05d}",
        }


def expected(person: dict[str, Any]) -> State:
    """What a provider should hold of a customer."""
    return {
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "email": person["email"],
        "phone": person["mobile_number"],
    }


def hot(random_: random.Random, count: int) -> int:
    """A number below `count`, the lower the likelier: a tenth of the orders gets most of the writes."""
    return min(int(random_.expovariate(10 / count)), count - 1)
