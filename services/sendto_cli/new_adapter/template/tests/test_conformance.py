"""The adapter keeps the promises of an adapter: `pytest`, or `sendto adapter test tests/test_conformance.py`."""

from fake_acme import TOKEN, FakeAcme

from sendto.sdk.testing import Case, Conformance
from sendto_acme import AcmeAdapter


class TestAcme(Conformance):
    """One test for each promise."""

    case = Case(adapter=AcmeAdapter, config=lambda url: {"url": url, "token": TOKEN}, fake=FakeAcme)
