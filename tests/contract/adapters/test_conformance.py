"""The adapters of shipment providers keep the promises of an adapter."""

from infra.adapters import CASES

from sendto.sdk.testing import Conformance


class TestSendcloud(Conformance):
    case = CASES["sendcloud"].kit()


class TestKarrio(Conformance):
    case = CASES["karrio"].kit()


class TestSpoke(Conformance):
    case = CASES["spoke"].kit()


class TestTrackPod(Conformance):
    case = CASES["trackpod"].kit()


class TestDoorDash(Conformance):
    case = CASES["doordash"].kit()
