"""What an erasure takes from the API's answers while somebody else erases, too."""

from typing import Any

from sendto_cli.erasing import Whom, in_api


class Api:
    """Answers one after the other, and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def post(self, path: str, body: Any) -> Any:
        """The next answer."""
        assert path == "/v3/erasures"
        self.asked.append(body)
        return self._answers.pop(0)


def _answer(following: int | None, erasures: list[int], orders: list[int]) -> dict[str, Any]:
    return {"next": following, "erasures": erasures, "orders": orders, "customers": 1, "events": 2, "answers": 3}


async def test_only_what_was_there_when_the_sweep_began_is_finished() -> None:
    api = Api(_answer(0, [1], [11]), _answer(500, [1, 2], [11, 12]), _answer(None, [1, 2, 3], [11, 12, 13]))

    told = await in_api(api, Whom(order_id=None, email="ada@shop.test", source=None))

    assert [one["after"] for one in api.asked] == [0, 0, 500]
    assert (told["erasures"], told["orders"]) == ([1, 2], [11, 12])


async def test_what_somebody_else_finished_meanwhile_is_still_ours_to_tell_the_dispatcher() -> None:
    api = Api(_answer(500, [1], [11]), _answer(None, [], []))

    told = await in_api(api, Whom(order_id=11, email=None, source=None))

    assert (told["erasures"], told["orders"], told["next"]) == ([1], [11], None)
