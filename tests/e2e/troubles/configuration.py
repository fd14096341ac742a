"""The configuration of the system whose providers have every kind of trouble: each provider is named for its own."""

import json
from collections.abc import Mapping
from typing import Any

from e2e.troubles.faces import Faces
from infra.events import SOURCE

OTHER_SOURCE = "/shop/other"
SECRETS = {"TROUBLES_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}
"""the environment that the file names"""


def configuration(faces: Faces, **more: Mapping[str, Any]) -> str:
    """The file; `more` are further providers."""
    providers = _providers(faces) | more
    tree = {
        "log": {"format": "json"},
        "kafka": {"request_timeout_s": 2},
        "dispatcher": {
            "config_poll_s": 0.2,
            "heartbeat_s": 1,
            "intake": {"poll_timeout_s": 0.05, "retry_pause_s": 0.1, "loss_check_timeout_s": 5},
            "engine": {"drain_s": 1, "lease_margin_s": 2},
        },
        "providers": providers,
        "sources": {"allow": [SOURCE, OTHER_SOURCE, "/sendto/api"]},
    }
    route = '[[routes]]\nwhen = { source = ["/sendto/api"] }\nto = ["well"]\n'
    return "\n".join(_sections("", tree)) + "\n" + route


def _providers(faces: Faces) -> dict[str, Mapping[str, Any]]:
    url = faces.url
    named = ("well", "refusing", "gone", "unauthorized", "waiting", "paused", "shadowed", "off", "stuck")
    plain = {name: webhook(f"{url}/{name}") for name in named}
    sandboxes = {name: sandbox(f"{url}/{name}") for name in ("buggy", "blind", "keeps")}
    for name in ("buggy", "blind", "keeps"):
        sandboxes[name]["adapter"] = name
    return plain | {
        "shadowed": plain["shadowed"] | {"shadow": True},
        "off": plain["off"] | {"enabled": False},
        "stuck": plain["stuck"] | {"limits": {"rate": "100/s"}},
        "down": webhook(faces.closed_url),
        "slow": webhook(f"{url}/slow", limits={"timeout_s": 8.0, "rate": "100/s"}),
        "failing": webhook(f"{url}/failing"),
        "limited": webhook(f"{url}/well", limits={"rate": "1/h"}),
        "hopeless": webhook(f"{url}/erring", retry={"base_s": 0.05, "cap_s": 0.1, "give_up_after_s": 0.2}),
        "late": webhook(f"{url}/erring", retry={"base_s": 3_000, "cap_s": 3_000}),
        "behind": webhook(f"{url}/behind", limits={"concurrency": 1, "timeout_s": 300}),
        "holding": webhook(f"{url}/holding", limits={"concurrency": 2, "timeout_s": 7_200}),
        "blind": sandboxes["blind"] | {"config": {"url": f"{url}/erring"}},
        "buggy": sandboxes["buggy"],
        "keeps": sandboxes["keeps"],
        "twice": sandbox(f"{url}/well"),
        "needing": {
            "adapter": "trackpod",
            "config": {"api_key": "env:TROUBLES_KEY", "base_url": f"{url}/well", "depot_id": "one"},
        },
    }


def webhook(url: str, **more: Any) -> dict[str, Any]:
    """A webhook."""
    return {"adapter": "webhook", "config": {"url": url, "secrets": ["env:TROUBLES_KEY"]}} | more


def sandbox(url: str) -> dict[str, Any]:
    """What speaks as the sandbox does."""
    return {"adapter": "sandbox", "config": {"url": url}}


def _sections(path: str, tree: Mapping[str, Any]) -> list[str]:
    own = [f"{key} = {json.dumps(value)}" for key, value in tree.items() if not isinstance(value, Mapping)]
    lines = [f"[{path}]", *own] if path and own else []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            lines += _sections(f"{path}.{key}" if path else key, value)
    return lines
