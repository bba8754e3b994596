"""Human approval: an expense waits for somebody to say yes or no; after a while, for another."""

from .step import Pattern, Refused


class Expense(Pattern):
    def init(self, step):
        step.state = {"amount": step.args["amount"], "status": "open"}
        if step.args["amount"] < 100:
            return self.decide(step, "approved", "the rule for small amounts")
        step.wait_for("a manager's approval")
        step.notify_self("escalate", after=step.args["escalate"])

    def notification(self, step, signal):
        if step.state["status"] == "open":
            step.wait_for("a director's approval")
            step.record("escalated")

    def call(self, step):
        if not step.args:
            return step.state
        if step.state["status"] != "open":
            raise Refused(f"it is {step.state['status']} already")
        self.decide(step, step.args["decision"], step.args["by"])
        return step.state

    def decide(self, step, decision, by):
        step.state |= {"status": decision, "by": by}
        step.record(f"{decision} by {by}")
        step.wait_for("")
        step.cancel("escalate")
