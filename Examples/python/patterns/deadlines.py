"""Several deadlines: a booking is held for a while, and its customer reminded before it ends."""

from .step import Pattern, Refused


class Booking(Pattern):
    def init(self, step):
        step.state = {"status": "held"}
        step.notify_self("remind", after=step.args["remind"])
        step.notify_self("expire", after=step.args["expire"])

    def notification(self, step, signal):
        # It may have been under way while the booking was paid.
        if step.state["status"] != "held":
            return
        if step.args == "remind":
            step.record("reminded")
        elif step.args == "expire":
            step.state["status"] = "expired"
            step.record("expired")

    def call(self, step):
        if step.state["status"] != "held":
            raise Refused(f"the booking is {step.state['status']}")
        if step.args == "pay":
            step.state["status"] = "paid"
            step.record("paid")
            step.cancel("remind", "expire")
        else:
            # In the place of the one that is pending.
            step.notify_self("expire", after=step.args["extend"])
        return step.state["status"]
