"""Where the reference documents leave something open, what was settled; each test names its question."""

from typing import Any

import pytest
from infra.bodies import customer, order
from infra.serving import Caller, Reply

from sendto.runtime.database import Database


async def _order(api: Caller, **more: Any) -> int:
    reply = await api("POST", "/v3/orders", order(**more))
    assert reply.status == 201, reply.content
    return int(reply.json["order_id"])


async def _patched(api: Caller, order_id: int, **changes: Any) -> dict[str, Any]:
    reply = await api("PATCH", f"/v3/orders/{order_id}", changes)
    assert reply.status == 200, reply.content
    return dict(reply.json)


def _wrong(reply: Reply) -> list[str]:
    assert reply.status == 422, reply.content
    return sorted(reply.json["errors"])


async def test_are_strings_trimmed_and_blank_optional_ones_null(api: Caller) -> None:
    made = (
        await api("POST", "/v3/orders", order(first_name=" Ada\u00a0", telephone=" ", payment="", comment="  "))
    ).json

    assert (made["first_name"], made["telephone"], made["payment"], made["comment"]) == ("Ada", None, None, "")
    assert (await _patched(api, made["order_id"], comment="\n"))["comment"] == ""
    assert (await _patched(api, made["order_id"], comment=None))["comment"] == ""


async def test_is_a_blank_required_string_refused_also_in_a_patch(api: Caller) -> None:
    order_id = await _order(api, customer=customer())
    blank = {"first_name": " ", "last_name": "", "email": " "}

    assert _wrong(await api("PATCH", f"/v3/orders/{order_id}", blank)) == sorted(blank)
    assert _wrong(await api("PATCH", f"/v3/orders/{order_id}/customer", blank)) == sorted(blank)
    assert _wrong(await api("POST", "/v3/orders", order(order_type=""))) == ["order_type"]


async def test_does_null_in_a_patch_leave_names_and_email_and_clear_phones(api: Caller) -> None:
    """[P] marks every member of the update as `|null`."""
    order_id = await _order(api, customer=customer(phone_number="020 7946 0958"), telephone="1")
    nothing = dict.fromkeys(("first_name", "last_name", "email", "phone_number", "mobile_number"))

    reply = await api("PATCH", f"/v3/orders/{order_id}/customer", nothing)
    changed = await _patched(api, order_id, first_name=None, email=None, order_type=None, telephone=None)

    assert (reply.json["first_name"], reply.json["email"]) == ("John", "john_turcotte@example.com")
    assert (reply.json["phone_number"], reply.json["mobile_number"]) == (None, None)
    assert (changed["first_name"], changed["order_type"], changed["telephone"]) == ("Ada", "delivery", None)


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("first_name", "A\nda", False),
        ("telephone", "1\t2", False),
        ("comment", "Ring\n\ttwice", True),
        ("comment", "a\x07b", False),
        ("comment", "a\x00b", False),
        ("address", {"address_1": "1 High Street\nFlat 2"}, True),
        ("address", {"address_2": "a\x85b"}, False),
        ("address", {"city": "Lon\ndon"}, False),
        ("address", {"address_1": "a\x00b"}, False),
    ],
)
async def test_which_strings_may_hold_newlines(api: Caller, field: str, value: Any, *, taken: bool) -> None:
    reply = await api("POST", "/v3/orders", order(**{field: value}))

    assert reply.status == (201 if taken else 422)
    if not taken:
        assert [name.split(".")[0] for name in reply.json["errors"]] == [field]


@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("first_name", 48),
        ("last_name", 48),
        ("telephone", 32),
        ("comment", 500),
        ("payment", 128),
        ("shipment_provider", 64),
        ("address.address_1", 128),
        ("address.city", 128),
        ("address.state", 128),
        ("address.postcode", 16),
        ("customer.first_name", 100),
        ("customer.last_name", 100),
    ],
)
async def test_how_long_strings_may_be(api: Caller, field: str, longest: int) -> None:
    def body(length: int) -> dict[str, Any]:
        outer, _, inner = field.partition(".")
        if not inner:
            return order(**{outer: "x" * length})
        return order(**{outer: (customer() if outer == "customer" else {}) | {inner: "x" * length}})

    assert (await api("POST", "/v3/orders", body(longest))).status == 201
    assert _wrong(await api("POST", "/v3/orders", body(longest + 1))) == [field]


async def test_how_long_emails_may_be(api: Caller) -> None:
    def email(length: int) -> str:
        labels = ".".join(["d" * 60] * 5)
        return ("a" * 30 + "@" + labels)[: length - 3] + ".cc"

    order_id = await _order(api)
    assert (await api("POST", "/v3/orders", order(email=email(96)))).status == 201
    assert _wrong(await api("POST", "/v3/orders", order(email=email(97)))) == ["email"]
    assert _wrong(await api("PUT", f"/v3/orders/{order_id}/customer", customer(email=email(255)))) == ["email"]
    assert (await api("PUT", f"/v3/orders/{order_id}/customer", customer(email="x@shop.test"))).status == 201


@pytest.mark.parametrize(
    ("phone", "taken"),
    [
        ("1234567", True),
        ("123456", False),
        ("+44 (0)20-7946.0958/12", True),
        ("1" * 15, True),
        ("1" * 16, False),
        ("+1 (604) 376-2674 . . . .", True),
        ("+1 (604) 376-2674 . . . . .", False),
        ("٠١٢٣٤٥٦٧٨", False),
        ("call me 1234567", False),
        ("", True),
    ],
)
async def test_what_is_a_phone_number_and_is_it_kept_as_sent(api: Caller, phone: str, *, taken: bool) -> None:
    reply = await api("POST", f"/v3/orders/{await _order(api)}/customer", customer(phone_number=phone))

    assert reply.status == (201 if taken else 422)
    assert not taken or reply.json["phone_number"] == (phone or None)


async def test_are_unknown_and_read_only_keys_ignored_or_with_a_preference_refused(api: Caller) -> None:
    extra = {"hash": "x", "invoice_prefix": "INV", "nonsense": 1}
    inner = {
        "address": {"city": "London", "address_id": 7},
        "order_totals": [{"code": "a", "title": "b", "value": 1, "x": 1}],
    }
    strict = {"Prefer": "respond-async, handling=strict"}

    lenient = await api("POST", "/v3/orders", order(**extra, **inner))
    refused = await api("POST", "/v3/orders", order(**extra, **inner, customer=customer(href="/")), strict)
    patch = await api("PATCH", f"/v3/orders/{lenient.json['order_id']}", {"payment": "card", "order_total": 1}, strict)

    assert lenient.status == 201
    assert lenient.json["hash"] != "x"
    assert _wrong(refused) == sorted([*extra, "address.address_id", "order_totals.0.x", "customer.href"])
    assert _wrong(patch) == ["order_total", "payment"]
    applied = [reply.headers.get("preference-applied") for reply in (lenient, refused, patch)]
    assert applied == [None, "handling=strict", "handling=strict"]
    assert (await _patched(api, lenient.json["order_id"], payment="card", customer_id=9))["payment"] is None


async def test_does_the_customer_follow_the_buyers_snapshot(api: Caller) -> None:
    order_id = await _order(api, customer=customer())

    await _patched(api, order_id, first_name="Grace", email="grace@shop.test")
    await api("PATCH", f"/v3/orders/{order_id}/customer", {"last_name": "Doe"})

    kept, buyer = await api("GET", f"/v3/orders/{order_id}/customer"), await api("GET", f"/v3/orders/{order_id}")
    assert (kept.json["first_name"], kept.json["email"]) == ("John", "john_turcotte@example.com")
    assert (buyer.json["first_name"], buyer.json["last_name"]) == ("Grace", "Lovelace")


async def test_does_a_customers_write_change_the_orders_etag_and_date(api: Caller, api_database: Database) -> None:
    order_id = await _order(api, customer=customer())
    async with api_database.connection() as connection:
        await connection.execute("""UPDATE "order" SET date_modified = '2020-01-01'""")
    before = await api("GET", f"/v3/orders/{order_id}")

    written = await api("PATCH", f"/v3/orders/{order_id}/customer", {"first_name": "Jane"})

    after = await api("GET", f"/api/orders/{order_id}")
    assert written.headers["etag"] == after.headers["etag"] != before.headers["etag"]
    assert before.json["date_modified"] == "2020-01-01 00:00:00" < after.json["date_modified"]


async def test_is_href_without_the_version_of_the_path(api: Caller) -> None:
    order_id = await _order(api, customer=customer())

    for prefix in ("/v3", "/api"):
        reply = await api("GET", f"{prefix}/orders/{order_id}/customer")
        assert reply.json["href"] == f"/orders/{order_id}/customer"


@pytest.mark.api_settings(time_zone="Europe/London")
async def test_in_which_zone_are_naive_times(api: Caller) -> None:
    summer = (await api("POST", "/v3/orders", order(order_date_time="2024-07-01 13:13:00", status_id=1))).json
    given = (await api("POST", "/v3/orders", order(order_date_time="2024-07-01T12:13:00Z"))).json

    assert summer["order_date_time"] == given["order_date_time"] == "2024-07-01 13:13:00"
    assert (summer["order_date"], summer["order_time"]) == ("2024-07-01 00:00:00", "13:13:00")
    patched = await _patched(api, summer["order_id"], status_updated_at="2024-07-01 13:13:00")
    assert patched["status_updated_at"] == "2024-07-01T12:13:00.000000Z"


async def test_do_the_three_members_of_a_time_have_to_agree(api: Caller) -> None:
    whole, day, clock = "2024-07-01 13:13:00", "2024-07-01 00:00:00", "13:13:00"

    agreeing = await api("POST", "/v3/orders", order(order_date_time=whole, order_date=day, order_time=clock))
    contrary = order(order_date_time=whole, order_date="2024-07-02", order_time="13:14")
    order_id = agreeing.json["order_id"]

    assert agreeing.status == 201
    assert _wrong(await api("POST", "/v3/orders", contrary)) == ["order_date", "order_time"]
    assert (await _patched(api, order_id, order_time="09:00"))["order_date_time"] == "2024-07-01 09:00:00"
    assert (await _patched(api, order_id, order_date="2024-07-03"))["order_date_time"] == "2024-07-03 09:00:00"
    assert _wrong(await api("PATCH", f"/v3/orders/{order_id}", {"order_date": "2023-02-29"})) == ["order_date"]


@pytest.mark.parametrize(
    ("total", "taken"), [(15.0449, True), (0.00001, False), (12345678.12345, False), (1e3, True), (-5, True)]
)
async def test_how_many_places_has_a_total(api: Caller, total: float, *, taken: bool) -> None:
    reply = await api("POST", "/v3/orders", order(order_total=total))

    assert reply.status == (201 if taken else 422)
    assert not taken or reply.json["order_total"] == total
    assert _wrong(await api("POST", "/v3/orders", order(order_total="15.0"))) == ["order_total"]


async def test_what_stamps_a_change_of_status_or_assignee(api: Caller) -> None:
    order_id = await _order(api)

    stamped = await _patched(api, order_id, status_id=3, assignee_id=5)
    given = await _patched(api, order_id, status_id=4, status_updated_at="2024-01-01T00:00:00Z")
    group = await _patched(api, order_id, assignee_id=None, assignee_group_id=1, assignee_updated_at=None)

    assert stamped["status_updated_at"]
    assert stamped["assignee_updated_at"]
    assert given["status_updated_at"] == "2024-01-01T00:00:00.000000Z"
    assert (group["assignee_id"], group["assignee_updated_at"]) == (None, None)
    assert (await _patched(api, order_id, status_id=None))["status_id"] is None
    assert _wrong(await api("PATCH", f"/v3/orders/{order_id}", {"status_id": 6})) == ["status_id"]


async def test_is_an_address_replaced_as_a_whole_under_its_id(api: Caller) -> None:
    order_id = await _order(api, address={"address_1": "1 High Street", "city": "London", "country": "GB"})
    first = (await api("GET", f"/v3/orders/{order_id}")).json["address_id"]

    replaced = await _patched(api, order_id, address={"city": "Leeds"})
    removed = await _patched(api, order_id, address=None)
    again = await _patched(api, order_id, address={"city": "York"})

    assert replaced["address"] == {"address_id": first, "city": "Leeds"} | dict.fromkeys(
        ("address_1", "address_2", "state", "postcode", "country")
    )
    assert (removed["address"], removed["address_id"]) == (None, None)
    assert again["address_id"] == again["address"]["address_id"] != first
    assert again == (await api("GET", f"/v3/orders/{order_id}")).json
    for country in ("UK", "gb", "XX", "GBR"):
        assert _wrong(await api("POST", "/v3/orders", order(address={"country": country}))) == ["address.country"]
    assert _wrong(await api("POST", "/v3/orders", order(currency="ABC"))) == ["currency"]


async def test_are_totals_kept_as_they_were_sent_and_answered_with_their_ids(api: Caller) -> None:
    lines = [
        {"code": "total", "title": "Total", "value": 12.5, "priority": 127},
        {"code": "subtotal", "title": "Sub total", "value": 10.2599},
    ]

    made = (await api("POST", "/v3/orders", order(order_totals=lines))).json

    [subtotal, total] = made["order_totals"]
    assert set(total) == {"order_total_id", "order_id", "code", "title", "value", "priority"}
    assert (subtotal["code"], subtotal["value"], subtotal["priority"]) == ("subtotal", 10.2599, 0)
    assert (total["code"], total["value"], total["order_id"]) == ("total", 12.5, made["order_id"])
    assert made == (await api("GET", f"/v3/orders/{made['order_id']}")).json


@pytest.mark.parametrize("text", ["0", "-1", "01", "+1", "1.0", "x", "9223372036854775808", "%D9%A1", "1%0A", "1%00"])
async def test_what_is_no_order_id(api: Caller, text: str) -> None:
    for path in (f"/v3/orders/{text}", f"/api/orders/{text}/customer"):
        reply = await api("GET", path)
        assert (reply.status, reply.json["code"]) == (404, "order_not_found")
    assert (await api("GET", f"/v3/orders/{2**63 - 1}")).json["code"] == "order_not_found"
    assert (await api.with_token(None)("GET", f"/v3/orders/{text}")).status == 401


async def test_whose_name_is_the_request_id(api: Caller) -> None:
    for given, kept in [("abc-1._Z", True), ("x" * 129, False), ("a b", False), ("", False)]:
        reply = await api("GET", "/v3/orders/1", headers={"X-Request-Id": given})
        assert (reply.headers["x-request-id"] == given) == kept
        assert reply.json["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"first_name": "Ada"', 400),
        (b'{"order_total": NaN}', 400),
        (b'{"first_name": "\\ud800"}', 400),
        (b'{"first_name": "\xff"}', 400),
        (b"", 400),
        (b"[" * 100_00, 400),
        (b"null", 422),
        (b'"text"', 422),
        (b'{"first_name": 1}', 422),
    ],
)
async def test_what_is_no_json_and_what_has_the_wrong_shape(api: Caller, content: bytes, status: int) -> None:
    assert (await api("POST", "/v3/orders", content)).status == status
    assert (await api("PATCH", f"/v3/orders/{await _order(api)}", content)).status == status


async def test_what_other_media_types_are_told(api: Caller) -> None:
    order_id = await _order(api)
    path = f"/v3/orders/{order_id}"

    assert (await api("PATCH", path, b"{}", {"Content-Type": "application/merge-patch+json"})).status == 200
    assert (await api("PATCH", path, b"{}", {"Content-Type": "application/json; charset=utf-8"})).status == 200
    assert (await api("PATCH", path, b"a=1", {"Content-Type": "application/x-www-form-urlencoded"})).status == 415


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v3/orders", "GET, HEAD, POST"),
        ("/v3/orders/1", "DELETE, GET, HEAD, PATCH"),
        ("/api/orders/1/customer", "DELETE, GET, HEAD, PATCH, POST, PUT"),
        ("/healthz", "GET, HEAD"),
    ],
)
async def test_which_methods_a_path_takes(api: Caller, path: str, methods: str) -> None:
    for method in ("OPTIONS", "TRACE"):
        reply = await api(method, path)
        assert (reply.status, reply.headers["allow"]) == (405, methods)
    assert (await api("HEAD", "/v3/orders")).status == 200
