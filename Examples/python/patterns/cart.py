"""Start or continue: a customer's cart begins with the first thing that is put in."""

import json

from progressor.v1 import automaton_pb2 as automaton

from .step import Pattern


def put(client, namespace, customer, item, key):
    """The client's part. The cart is started if it is not there; either way the item is in it
    once, however often this is repeated under one key."""
    client.StartOrNotify(automaton.StartOrNotifyRequest(
        namespace=namespace, id=customer, start_args=json.dumps(customer).encode(),
        args=json.dumps(item).encode(), idempotency_key=key))


class Cart(Pattern):
    def init(self, step):
        step.state = {"customer": step.args, "items": []}

    def notification(self, step, signal):
        step.state["items"].append(step.args)
        step.record(f"put in {step.args}")
