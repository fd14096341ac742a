"""Digests of what a provider holds."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from sendto_dispatcher.domain.digest import content_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONTENT = st.dictionaries(st.text(max_size=5), JSON, max_size=5)


@given(CONTENT)
def test_the_order_of_members_does_not_matter(content: dict[str, Any]) -> None:
    turned = dict(reversed(content.items()))

    assert content_digest(b"key", content) == content_digest(b"key", turned)


@given(CONTENT, CONTENT)
def test_other_content_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(repr(one) != repr(other) and one != other)

    assert content_digest(b"key", one) != content_digest(b"key", other)


def test_without_the_key_a_digest_tells_nothing() -> None:
    content = {"first_name": "Ada"}

    assert content_digest(b"one", content) != content_digest(b"two", content)
    assert len(content_digest(b"one", content)) == 16
