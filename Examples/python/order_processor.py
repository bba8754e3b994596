"""A processor for machines that fulfil orders. Each order is one machine:

  init           places the order and arms the payment timer
  call           pay | cancel | status
  timer          reminds the customer once, then cancels the order
  notification   shipped TRACKING: what the warehouse reports

Run: see README.md. Settings: ORDER_PROCESSOR_ADDRESS, ORDER_PAYMENT_SECONDS.
"""

import contextlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.duration_pb2 import Duration
from progressor.v1 import processor_pb2 as messages
from progressor.v1 import processor_pb2_grpc as services
from progressor.v1 import types_pb2 as types

ADDRESS = os.environ.get("ORDER_PROCESSOR_ADDRESS", "127.0.0.1:7071")
PAYMENT_SECONDS = int(os.environ.get("ORDER_PAYMENT_SECONDS", "20"))

# The order as it stands is the machine's aux state; what happened to it, one by one, its events.


def read_order(machine):
    return json.loads(machine.aux_state.data)


def change(order, *events):
    """The new order, and the events to append: committed together with the action, or not at
    all."""
    return types.StateChange(
        aux_state=types.Content(format_version=1, data=json.dumps(order).encode()),
        events=[types.Content(format_version=1, data=event.encode()) for event in events])


def payment_timer():
    return types.Action(set_timer=types.SetTimer(timeout=Duration(seconds=PAYMENT_SECONDS)))


NO_TIMER = types.Action(unset_timer=types.UnsetTimer())


class PaymentService:
    """Stands for a service outside, which remembers what it was asked under a key. A step may be
    invoked twice (say, the server died before the commit), always with the same
    `progressor-step`: with that as the key, the customer pays once."""

    def __init__(self):
        self._receipts = {}

    def charge(self, key, amount):
        if key not in self._receipts:
            self._receipts[key] = f"receipt-{len(self._receipts) + 1}"
            print(f"charged {amount}: {self._receipts[key]}", flush=True)
        return self._receipts[key]


class OrderProcessor(services.ProcessorServicer):
    def __init__(self):
        self._payments = PaymentService()

    # The three methods that Progressor calls: one hands on to a function per stimulus.

    def ProcessSignal(self, request, context):
        stimulus = request.signal.WhichOneof("kind")
        if stimulus == "init":
            return self.place(request.signal.init.args, context)
        if stimulus == "timeout":
            return self.payment_is_late(read_order(request.machine))
        if stimulus == "notification":
            return self.warehouse_reports(
                read_order(request.machine), request.signal.notification.args.decode())
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"cannot process {stimulus}")

    def ProcessCall(self, request, context):
        order, command = read_order(request.machine), request.args.decode()
        if command == "status":
            return self.status(order)
        if command == "pay":
            return self.pay(order, context)
        if command == "cancel":
            return self.cancel(order, context)
        # A refusal: the caller gets it, the order is as it was.
        context.abort(grpc.StatusCode.INVALID_ARGUMENT,
                      f'cannot "{command}": say pay, cancel or status')

    def ProcessRepair(self, request, context):
        """Somebody looked at a failed order and says how to go on: with nothing changed."""
        return messages.ProcessRepairResponse(response=b"repaired")

    # What happens to an order.

    def place(self, args, context):
        try:
            wish = json.loads(args)
            order = {"item": str(wish["item"]), "price": int(wish["price"]), "state": "placed"}
        except (ValueError, KeyError, TypeError):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT,
                          'an order looks like {"item": "book", "price": 20}')
        return messages.ProcessSignalResponse(
            change=change(order, "placed"), action=payment_timer())

    def status(self, order):
        """Changes nothing, so nothing is written: a call is a consistent query as well."""
        return messages.ProcessCallResponse(response=json.dumps(order).encode())

    def pay(self, order, context):
        if order["state"] not in ("placed", "reminded"):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the order is {order['state']}")
        step = dict(context.invocation_metadata())["progressor-step"]
        receipt = self._payments.charge(key=step, amount=order["price"])
        order |= {"state": "paid", "receipt": receipt}
        return messages.ProcessCallResponse(
            response=receipt.encode(), change=change(order, f"paid {receipt}"), action=NO_TIMER)

    def cancel(self, order, context):
        if order["state"] == "shipped":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the order is on its way")
        order["state"] = "cancelled"
        return messages.ProcessCallResponse(
            response=b"cancelled", change=change(order, "cancelled by customer"), action=NO_TIMER)

    def payment_is_late(self, order):
        if order["state"] == "placed":
            order["state"] = "reminded"
            return messages.ProcessSignalResponse(
                change=change(order, "reminded"), action=payment_timer())
        order["state"] = "cancelled"
        return messages.ProcessSignalResponse(change=change(order, "cancelled: not paid"))

    def warehouse_reports(self, order, report):
        if order["state"] == "paid" and report.startswith("shipped"):
            order["state"] = "shipped"
        return messages.ProcessSignalResponse(change=change(order, report))


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=[("grpc.so_reuseport", 0)])
    services.add_ProcessorServicer_to_server(OrderProcessor(), server)
    server.add_insecure_port(ADDRESS)
    server.start()
    print(f"processing orders on {ADDRESS}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.wait_for_termination()
