"""Our Grafana dashboards: their JSON, and every query in them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"


class Query(NamedTuple):
    """One query of a panel."""

    board: str
    panel: str
    expression: str


def _boards() -> dict[str, dict[str, Any]]:
    files = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


BOARDS = _boards()
QUERIES = [
    Query(name, panel["title"], target["expr"])
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
]
