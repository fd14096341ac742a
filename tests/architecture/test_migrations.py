"""Migrations only add: processes of the release before run on the tables of the next one, and can come back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from infra.postgres import SCRIPTS

ADDS = frozenset({"add_column", "create_table", "create_index", "execute", "f", "get_context", "get_bind"})
MIGRATIONS = sorted(
    script
    for folder in SCRIPTS.values()
    for script in (Path(folder) / "versions").glob("[0-9]*.py")
    if not script.name.startswith("0001")
)
# What one may take away is its own: an index that it replaces, or that was left half made.
TAKES_AWAY = (
    "drop table",
    "drop column",
    "alter column",
    "rename ",
    "drop constraint",
    "set not null",
    "drop function",
)


def _functions(script: Path) -> tuple[ast.FunctionDef, str]:
    """Its `upgrade`, and all texts of it but those of `downgrade`."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not (isinstance(node, ast.FunctionDef) and node.name == "downgrade")]
    [upgrade] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return upgrade, " ".join(texts).lower()


def _calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            yield call.func.attr, call


@pytest.mark.parametrize("script", MIGRATIONS, ids=lambda script: f"{script.parents[2].name}-{script.stem}")
def test_a_migration_only_adds(script: Path) -> None:
    upgrade, texts = _functions(script)
    operations = {
        name
        for name, call in _calls(upgrade)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "op"
    }

    assert operations <= ADDS
    assert [words for words in TAKES_AWAY if words in texts] == []


@pytest.mark.parametrize("script", MIGRATIONS, ids=lambda script: f"{script.parents[2].name}-{script.stem}")
def test_a_column_that_is_added_can_be_left_out_by_who_does_not_know_it(script: Path) -> None:
    for name, call in _calls(_functions(script)[0]):
        if name != "add_column":
            continue
        column = call.args[1]
        assert isinstance(column, ast.Call)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
        assert given.get("nullable") != "False" or "server_default" in given, ast.unparse(call)
