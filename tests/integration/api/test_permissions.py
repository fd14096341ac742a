"""Who may do what."""

from typing import Any

import pytest
from infra.bodies import customer, order
from infra.serving import Caller
from integration.api.conftest import MakeToken

from sendto_api.app import PREFIXES, described

ORDER_BODY = order()
CUSTOMER_BODY = customer()
CALLS: list[tuple[str, str, Any, str]] = [
    ("GET", "/v3/orders", None, "orders_read"),
    ("POST", "/v3/orders", ORDER_BODY, "orders_write"),
    ("GET", "/v3/orders/{id}", None, "orders_read"),
    ("PATCH", "/v3/orders/{id}", {"comment": "x"}, "orders_write"),
    ("GET", "/v3/orders/{id}/customer", None, "orders_read"),
    ("GET", "/v3/orders/{id}/waiting-events", None, "orders_read"),
    ("PUT", "/v3/orders/{id}/customer", CUSTOMER_BODY, "orders_customer_write"),
    ("POST", "/v3/orders/{id}/customer", CUSTOMER_BODY, "orders_customer_write"),
    ("PATCH", "/v3/orders/{id}/customer", {"first_name": "x"}, "orders_customer_write"),
    ("DELETE", "/v3/orders/{id}/customer", None, "orders_customer_write"),
    ("DELETE", "/v3/orders/{id}", None, "orders_write"),
]
NEEDS_BOTH = {("POST", "/erasures"), ("POST", "/erasures/finish")}
"""need two permissions, and are called with each alone in the erasure's tests"""
ALL = ("orders_read", "orders_write", "orders_customer_write")


@pytest.mark.parametrize(("method", "path", "body", "needed"), CALLS)
async def test_each_call_needs_its_permission(
    api: Caller, make_token: MakeToken, method: str, path: str, body: Any, needed: str
) -> None:
    made = await api("POST", "/v3/orders", order(customer=customer()))
    path = path.format(id=made.json["order_id"])

    nobody = await api.with_token(None)(method, path, body)
    stranger = await api.with_token("sendto_wrong")(method, path, body)
    lacking = await api.with_token(await make_token(*(word for word in ALL if word != needed)))(method, path, body)
    allowed = await api.with_token(await make_token(needed))(method, path, body)

    assert nobody.status == stranger.status == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert lacking.status == 403
    assert needed in lacking.json["detail"]
    assert allowed.status in {200, 201, 409}


async def test_a_body_with_a_customer_needs_both_permissions(api: Caller, make_token: MakeToken) -> None:
    writer = api.with_token(await make_token("orders:write"))

    refused = await writer("POST", "/v3/orders", order(customer=customer()))

    assert refused.status == 403
    assert "orders_customer_write" in refused.json["detail"]
    assert (await api("GET", "/v3/orders/1")).status == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
async def test_health_and_documentation_need_no_token(api: Caller, path: str) -> None:
    reply = await api.with_token(None)("GET", path)

    head = await api.with_token(None)("HEAD", path)
    assert reply.status == head.status == 200
    assert head.content == b""


async def test_metrics_count_requests(api: Caller) -> None:
    await api("POST", "/v3/orders", order())

    metrics = (await api("GET", "/metrics")).content.decode()

    assert 'sendto_http_requests_total{app_name="api",method="POST",path="/v3/orders",status_code="201"}' in metrics


async def test_what_is_not_there_is_a_problem_too(api: Caller) -> None:
    for method, path, status in [
        ("GET", "/v3/nothing", 404),
        ("TRACE", "/v3/orders/1", 405),
        ("GET", "/v3/orders/01", 404),
    ]:
        reply = await api(method, path)
        assert reply.status == status
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["errors"] == {}


def test_this_file_knows_every_route() -> None:
    served = {
        (method.upper(), path.removeprefix(PREFIXES[0]).replace("order_id", "id"))
        for path, methods in described()["paths"].items()
        for method in methods
        if path.startswith(PREFIXES[0]) and method != "parameters"
    }

    assert served == {(method, path.removeprefix(PREFIXES[0])) for method, path, _, _ in CALLS} | NEEDS_BOTH
