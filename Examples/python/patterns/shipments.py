"""Child shipments and compensation: an order is sent in parcels, each a machine of its own. If one
cannot be had, or says nothing for too long, the others are taken back and the customer refunded."""

from .step import Pattern

# An answer counts if it goes further than what was known of the parcel: one that comes twice, or
# is overtaken by a later one, says nothing new.
STAGES = {"sent": 0, "shipped": 1, "failed": 2, "cancelled": 2}
OVER = 2


class Order(Pattern):
    """The order and its parcels are machines of one namespace."""

    def __init__(self, carrier, bank):
        """`carrier` has `ship(parcel, key)` and `cancel(parcel, key)`, and notifies the parcel's
        machine of "shipped" or "failed"; `bank` has `refund(order, key)`. Who comes twice with one
        key is answered as the first time."""
        self._carrier, self._bank = carrier, bank

    def init(self, step):
        if "order" in step.args:
            step.state = {**step.args, "status": "new"}
            return step.notify_self("ship")
        parcels = dict.fromkeys(step.args["parcels"], "sent")
        step.state = {"status": "shipping", "parcels": parcels, "refunded": False}
        step.wait_for("parcels")
        step.notify_self("late", after=step.args["deadline"])
        for parcel in parcels:
            step.start(f"{step.id}/{parcel}", {"order": step.id, "parcel": parcel})

    def notification(self, step, signal):
        if "order" in step.state:
            self.parcel(step)
        elif step.args == "late":
            if step.state["status"] == "shipping":
                step.record("too late")
                self.compensate(step)
        elif step.args == "refund":
            self.refund(step)
        else:
            self.answered(step, step.args["parcel"], step.args["answer"])

    def undelivered(self, step, lost):
        self.answered(step, lost.id.removeprefix(f"{step.id}/"), "failed")

    # The order.

    def answered(self, step, parcel, answer):
        parcels = step.state["parcels"]
        if STAGES[answer] <= STAGES[parcels[parcel]]:
            return
        parcels[parcel] = answer
        step.record(f"{parcel} {answer}")
        if step.state["status"] != "shipping":
            self.finish(step)
        elif answer != "shipped":
            self.compensate(step)
        elif all(stage == "shipped" for stage in parcels.values()):
            self.end(step, "shipped")

    def compensate(self, step):
        """What has not failed is called back, also what was not heard of. The customer does not
        wait for that."""
        step.state["status"] = "cancelling"
        step.wait_for("parcels to come back")
        for parcel, stage in step.state["parcels"].items():
            if STAGES[stage] < OVER:
                step.notify(f"{step.id}/{parcel}", "cancel")
        step.notify_self("refund")

    def refund(self, step):
        if not step.state["refunded"]:
            self._bank.refund(step.id, step.key)
            step.state["refunded"] = True
            step.record("refunded")
            self.finish(step)

    def finish(self, step):
        stages = step.state["parcels"].values()
        if step.state["refunded"] and all(STAGES[stage] == OVER for stage in stages):
            self.end(step, "cancelled")

    def end(self, step, status):
        step.state["status"] = status
        step.record(status)
        step.wait_for("")
        step.cancel("late")

    # A parcel.

    def parcel(self, step):
        parcel, before = step.state, step.state["status"]
        if step.args == "ship" and before == "new":
            self._carrier.ship(step.id, step.key)
            parcel["status"] = "sent"
        elif step.args == "cancel":
            if before in ("sent", "shipped"):
                self._carrier.cancel(step.id, step.key)
            if before != "failed":
                parcel["status"] = "cancelled"
            self.tell(step)
        elif step.args in ("shipped", "failed") and before == "sent":
            parcel["status"] = step.args
            self.tell(step)

    def tell(self, step):
        step.notify(step.state["order"], {
            "parcel": step.state["parcel"], "answer": step.state["status"]})
