"""What the page of the doordash adapter says."""

from sendto.sdk import Documentation

DOCUMENTATION = Documentation(
    title="DoorDash Drive",
    summary=(
        "Orders a real courier of DoorDash Drive (API v2) for every order, keeps the delivery's customer right, and "
        "cancels it when the customer is deleted. Our reference is the delivery's external id."
    ),
    example={
        "acknowledge": "every order here orders a real courier",
        "developer_id": "582e4f20-0f48-4bc2-99c2-e094675e2919",
        "key_id": "585698aa-2aa6-4bb4-8b3f-dd9d3f47dc28",
        "signing_secret": "env:DOORDASH_SIGNING_SECRET",
        "pickup_external_business_id": "default",
        "pickup_external_store_id": "ase-243-dzs",
    },
    errors={
        "delivery_cancelled": (
            "The delivery was cancelled at DoorDash, and no second courier is ordered by itself. To order one, delete "
            "the customer and add it again: ids are spent, and the next one is numbered."
        ),
        "delivery_completed": "The delivery is completed: nothing of it can be changed any more.",
        "delivery_picked_up": "The courier has the order already.",
        "delivery_abandoned": "The delivery was abandoned.",
        "update_window_closed": "A courier is assigned: the delivery can no longer be changed.",
        "cancellation_window_closed": "A courier is assigned: the delivery can no longer be cancelled.",
        "delivery_creation_in_progress": "DoorDash is still at work on the delivery. It is sent again.",
        "duplicate_request": "DoorDash is still at work on the same request. It is sent again.",
        "distance_too_long": "It is too far from the pickup.",
        "pickup_address_not_in_coverage": "DoorDash does not serve the place where orders are fetched.",
        "delivery_address_not_in_coverage": "DoorDash does not serve the address.",
        "outside_of_delivery_time": "DoorDash does not deliver at that time.",
        "validation_error": "DoorDash refuses a value; the detail names the fields.",
        "answer_unreadable": "DoorDash's answer does not name the delivery. It is sent again, which orders no second.",
    },
    notes=(
        "It is off unless `acknowledge` says in as many words that couriers are ordered.",
        (
            "Only delivery orders are taken; an order needs an address and a number in E.164 form. "
            "No e-mail address is sent."
        ),
        (
            "The order's time becomes the time of delivery while it is yet to come; without one, or without an offset "
            "in it, the courier comes as soon as possible."
        ),
        (
            "Characters that DoorDash refuses in names are left out. A family name that is removed becomes `-`, and "
            "instructions that are removed stay: DoorDash has no way to take them away."
        ),
        "Address and time are written by DoorDash in its own way, and are not compared by an audit.",
        "About 300 requests a minute are allowed for one access key.",
    ),
    specification="https://developer.doordash.com/en-US/api/drive",
    remote="51342",
)
