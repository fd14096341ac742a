"""Importing the sdk costs an adapter's author pydantic and the standard library, nothing more."""

import subprocess
import sys

_LOADED = "import sys, sendto.sdk; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
_PYDANTIC = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}


def test_importing_the_sdk_loads_pydantic_and_the_standard_library_only() -> None:
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {_LOADED}"]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())

    assert "sendto" in loaded
    ours = {name for name in loaded if not name.startswith("_") and name not in sys.stdlib_module_names}
    assert ours - _PYDANTIC == {"sendto"}
