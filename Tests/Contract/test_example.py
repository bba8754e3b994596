"""The order processor of Examples/python, driven through a server."""

import json
import os
import subprocess
import sys

import pytest
from support.client import Space, fails
from support.server import free_port
from support.stubs import ROOT, generate
from support.waiting import eventually


@pytest.fixture
def orders(client, request):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "Examples" / "python" / "order_processor.py")],
        env={**os.environ, "PYTHONPATH": str(generate()), "ORDER_PAYMENT_SECONDS": "1",
             "ORDER_PROCESSOR_ADDRESS": f"127.0.0.1:{port}"}, stdout=subprocess.PIPE, text=True)
    try:
        assert "processing orders" in process.stdout.readline()
        name = f"orders-{request.node.name}"
        client.create_namespace(name, f"127.0.0.1:{port}")
        yield Space(client, None, name)
    finally:
        process.terminate()
        process.communicate(timeout=20)


BOOK = b'{"item": "book", "price": 20}'


def test_an_order_is_paid_and_shipped(orders):
    orders.start("order-1", BOOK)
    assert json.loads(orders.call("order-1", b"status"))["state"] == "placed"
    assert orders.get("order-1").HasField("timer")
    receipt = orders.call("order-1", b"pay", key="pay")
    assert orders.call("order-1", b"pay", key="pay") == receipt
    assert not orders.get("order-1").HasField("timer")
    orders.notify("order-1", b"shipped parcel-77")
    eventually(lambda: json.loads(orders.call("order-1", b"status"))["state"] == "shipped",
               "the warehouse's report is processed")
    assert orders.events("order-1") == [b"placed", b"paid " + receipt, b"shipped parcel-77"]
    with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED"):
        orders.call("order-1", b"cancel")


def test_an_order_that_nobody_pays_is_cancelled(orders):
    orders.start("order-2", BOOK)
    eventually(lambda: orders.events("order-2") == [b"placed", b"reminded", b"cancelled: not paid"],
               "its timer fires twice")
    assert not orders.get("order-2").HasField("timer")


def test_what_is_no_order_is_refused(orders):
    with fails("INVALID_ARGUMENT", "PROCESSOR_REFUSED"):
        orders.start("order-3", b"gibberish")
    assert orders.ids() == []
