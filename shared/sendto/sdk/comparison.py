"""Two requests side by side: what differs gets a mark. So plans mask a person, and show what an answer brings. Pure."""

import json
import re
from dataclasses import replace
from typing import Any

from sendto.sdk.http import HttpRequest

ABSENT = object()
"""stands for what one of the two does not have"""
_TOKENS = re.compile(r"([/?&=])")


def marked(request: HttpRequest, other: HttpRequest | None, mark: str) -> HttpRequest:
    """The request with a mark for everything in its address and body that the other does not have; headers stay.

    Where there is no other one, all but the host and the names of a JSON body is marked.
    """
    other = other or HttpRequest(request.method, "")
    url = marked_url(request.url, other.url, mark)
    content = json_of(request.body)
    if not request.body:
        body = b""
    elif content is not ABSENT:
        body = json.dumps(marked_json(content, json_of(other.body), mark), ensure_ascii=False).encode()
    else:
        body = request.body if request.body == other.body else mark.encode()
    return replace(request, url=url, body=body)


def marked_url(url: str, other: str, mark: str) -> str:
    """The address, part by part; all of its path if the two have not the same number of parts."""
    mine, theirs = _TOKENS.split(url), _TOKENS.split(other)
    if len(mine) != len(theirs):
        return f"{'/'.join(url.split('/')[:3])}/{mark}"
    return "".join(part if part == same else mark for part, same in zip(mine, theirs, strict=True))


def marked_json(value: Any, other: Any, mark: str) -> Any:  # noqa: ANN401 - JSON
    """The value with a mark for every leaf that differs from the other's; null stays."""
    match value:
        case dict():
            others = other if isinstance(other, dict) else {}
            return {name: marked_json(inner, others.get(name, ABSENT), mark) for name, inner in value.items()}
        case list():
            padded = [*(other if isinstance(other, list) else []), *[ABSENT] * len(value)]
            return [marked_json(inner, padded[number], mark) for number, inner in enumerate(value)]
        case None:
            return None
        case _:
            return value if value == other and type(value) is type(other) else mark


def json_of(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """A body's JSON, `ABSENT` where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return ABSENT
