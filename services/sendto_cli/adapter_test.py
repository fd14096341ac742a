"""The conformance kit without pytest: the cases of a module, and what became of each check."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sendto_cli.errors import CommandFailed

try:
    from sendto.sdk.testing import Breach, Case, Conformance, checks_for, run_check
except ModuleNotFoundError as missing:  # the kit has an extra of its own
    raise CommandFailed(f"the kit lacks {missing.name}: pip install 'sendto[testing]'") from None


@dataclass(frozen=True)
class Result:
    """One check of one case."""

    case: str
    check: str
    promise: str
    breach: str | None
    """how the promise is broken; None: it is kept"""


def find_cases(name: str) -> list[Case]:
    """The cases of a module, or of a Python file.

    Raises:
        CommandFailed: it cannot be imported, or has none.
    """
    members = list(vars(_module(name)).values())
    cases = [member for member in members if isinstance(member, Case)]
    classes = [
        one for one in members if isinstance(one, type) and issubclass(one, Conformance) and hasattr(one, "case")
    ]
    cases += [one.case for one in classes if one.case not in cases]
    if not cases:
        raise CommandFailed(f"{name} has neither a Case nor a Conformance of sendto.sdk.testing")
    return cases


def run_case(case: Case, only: str) -> Iterator[Result]:
    """Run the checks whose names hold this text."""
    for check in checks_for(case):
        if only not in check.name:
            continue
        try:
            run_check(case, check)
        except Breach as breach:
            yield Result(case.title, check.name, check.promise, str(breach))
        else:
            yield Result(case.title, check.name, check.promise, None)


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        if name.endswith(".py"):
            return _from_file(Path(name))
        return importlib.import_module(name)
    except Exception as error:  # an author's module can raise anything
        raise CommandFailed(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _from_file(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module at {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
