"""The kit as a pytest plugin: a class that derives from `Conformance` gets one test for each check that applies."""

from typing import TYPE_CHECKING, ClassVar

import pytest

if TYPE_CHECKING:  # loaded by every run of pytest: what it needs is imported when it is needed
    from sendto.sdk.testing.case import Case
    from sendto.sdk.testing.checks import Check


class Conformance:
    """Derive from it and set `case`."""

    case: ClassVar["Case"]

    def test_promise(self, sendto_check: "Check") -> None:
        """The adapter keeps one promise of the contract."""
        from sendto.sdk.testing.checks import run_check  # noqa: PLC0415 - as above

        __tracebackhide__ = True
        run_check(self.case, sendto_check)


@pytest.hookimpl
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each check."""
    if "sendto_check" not in metafunc.fixturenames or metafunc.cls is None:
        return
    from sendto.sdk.testing.checks import checks_for  # noqa: PLC0415 - as above

    checks = list(checks_for(metafunc.cls.case))
    metafunc.parametrize("sendto_check", checks, ids=[check.name for check in checks])
