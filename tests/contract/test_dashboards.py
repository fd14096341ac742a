"""The Grafana dashboards are what Grafana's model of a dashboard asks for, and say what they show."""

import itertools
import re
from typing import Annotated, Any, Literal

import pytest
import yaml
from infra.dashboards import BOARDS, GRAFANA, QUERIES
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_COLUMNS = 24
"""of Grafana's grid"""


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Source(_Model):
    type: Literal["prometheus"]
    uid: Annotated[str, Field(min_length=1)]


class _Place(_Model):
    x: Annotated[int, Field(ge=0, lt=_COLUMNS)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(ge=1, le=_COLUMNS)]
    h: Annotated[int, Field(ge=1)]


class _Target(_Model):
    refId: Annotated[str, Field(pattern="^[A-Z]$")]  # noqa: N815 - Grafana's name
    expr: Annotated[str, Field(min_length=1)]
    datasource: _Source


class _Defaults(_Model):
    unit: Annotated[str, Field(min_length=1)]


class _FieldConfig(_Model):
    defaults: _Defaults
    overrides: list[Any]


class _Panel(_Model):
    id: Annotated[int, Field(ge=1)]
    type: Literal["stat", "timeseries"]
    title: Annotated[str, Field(min_length=1)]
    description: Annotated[str, Field(min_length=1)]
    datasource: _Source
    gridPos: _Place  # noqa: N815 - the same
    fieldConfig: _FieldConfig  # noqa: N815 - the same
    options: dict[str, Any]
    targets: Annotated[list[_Target], Field(min_length=1)]


class _Variable(_Model):
    name: Annotated[str, Field(pattern=r"^\w+$")]
    type: Literal["query"]
    datasource: _Source
    query: dict[str, str]
    refresh: Literal[1, 2]
    """1: when the dashboard is loaded; 2: when its time range changes"""


class _Templating(_Model):
    list: list[_Variable]


class _Range(_Model):
    since: Annotated[str, Field(alias="from", pattern=r"^now-\d+[mhd]$")]
    to: Literal["now"]


class _Board(_Model):
    uid: Annotated[str, Field(pattern=r"^[\w-]{1,40}$")]
    title: Annotated[str, Field(min_length=1)]
    schemaVersion: Annotated[int, Field(ge=36, le=41)]  # noqa: N815 - panels of rows and grids, and sources as objects
    refresh: Annotated[str, Field(pattern=r"^\d+[sm]$")]
    time: _Range
    templating: _Templating
    panels: Annotated[list[_Panel], Field(min_length=1)]


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_what_grafana_asks_for(name: str) -> None:
    board = _Board.model_validate(BOARDS[name])

    assert "id" not in BOARDS[name], "Grafana gives numbers itself"
    assert len({panel.id for panel in board.panels}) == len(board.panels)
    for panel in board.panels:
        assert panel.gridPos.x + panel.gridPos.w <= _COLUMNS, panel.title
        assert len({target.refId for target in panel.targets}) == len(panel.targets), panel.title


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_over_another_one(name: str) -> None:
    panels = _Board.model_validate(BOARDS[name]).panels

    assert [one.title for one, other in itertools.combinations(panels, 2) if _overlap(one.gridPos, other.gridPos)] == []


def _overlap(one: _Place, other: _Place) -> bool:
    return (
        one.x < other.x + other.w and other.x < one.x + one.w and one.y < other.y + other.h and other.y < one.y + one.h
    )


@pytest.mark.parametrize("name", BOARDS)
def test_a_query_uses_only_variables_that_there_are(name: str) -> None:
    known = {variable.name for variable in _Board.model_validate(BOARDS[name]).templating.list}
    used = {word for query in QUERIES if query.board == name for word in re.findall(r"\$\{?(\w+)", query.expression)}

    assert used <= known | {"__rate_interval"}
    assert known <= used, "a variable that no query uses"


@pytest.mark.parametrize(
    "damage",
    [
        {"uid": ""},
        {"schemaVersion": "39"},
        {"panels": []},
        {"templating": {"list": [{"name": "provider"}]}},
        {"panels": [BOARDS["overview"]["panels"][0] | {"gridPos": {"x": 24, "y": 0, "w": 4, "h": 4}}]},
        {"panels": [BOARDS["overview"]["panels"][0] | {"datasource": {"type": "prometheus", "uid": ""}}]},
    ],
    ids=str,
)
def test_what_grafana_would_not_take_is_found(damage: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _Board.model_validate(BOARDS["overview"] | damage)


def test_boards_can_be_told_apart_and_find_their_source() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    boards = [_Board.model_validate(board) for board in BOARDS.values()]

    assert len({board.uid for board in boards}) == len(boards) == 2
    asked = {panel.datasource.uid for board in boards for panel in board.panels}
    asked |= {variable.datasource.uid for board in boards for variable in board.templating.list}
    asked |= {target.datasource.uid for board in boards for panel in board.panels for target in panel.targets}
    assert asked == {source["uid"]}


def test_no_panel_sums_what_every_process_tells_of_the_fleet() -> None:
    fleet = r"sendto_(?:lanes|lane_\w+|provider_(?:stopped|rate_limit_\w+|timeout_seconds)|dispatcher_processes)\b"
    outbox = r"sendto_outbox_(?:depth|oldest_seconds)\b"
    for query in QUERIES:
        rest = re.sub(rf"max(?: by \([\w, ]+\))? ?\((?:{fleet}|{outbox})", "", query.expression)
        assert not re.search(rf"{fleet}|{outbox}", rest), query
