"""What the page of the spoke adapter says."""

from sendto.sdk import Documentation

DOCUMENTATION = Documentation(
    title="Spoke Dispatch (Circuit)",
    summary=(
        "Keeps a stop of Spoke for every order: unassigned at first, and the same stop once a dispatcher has put it on "
        "a plan. The reference is the recipient's external id."
    ),
    example={"api_key": "env:SPOKE_API_KEY", "depot": "depots/m4p8Zc"},
    errors={
        "plan_not_writable": "The stop is on a plan that is optimized or under way. Change it in Spoke.",
        "feature_not_in_subscription": "The team's subscription does not include what was asked for.",
        "vehicle_capacity_disabled": "The team's settings do not allow what was asked for.",
        "answer_unreadable": "Spoke's answer does not name the stop; it is looked for, or sent again.",
    },
    notes=(
        (
            "Spoke finds a stop's place from the address and cannot move it: a later change of it is not sent. "
            "Delete the stop in Spoke, and it is made anew at the next change."
        ),
        "A stop that has left the unassigned ones is searched for by its external id before it counts as gone.",
        "Writing is limited to 5 requests a second, reading to 10; the relay keeps to 5 for both.",
    ),
    specification="https://developer.spoke.com",
    remote="unassignedStops/ZNK0UrjQ4mWbTvXe",
)
