"""Distributions that bring adapters, made up in a folder on the import path."""

from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, *, name: str, source: str, target: str) -> None:
    """Make a distribution `NAME-plugin` importable whose entry point NAME leads to `target` in a module of `source`."""
    module = f"{name}_plugin"
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[sendto.adapters]\n{name} = {module}:{target}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
