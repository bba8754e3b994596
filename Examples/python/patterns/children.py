"""Children and their results: a report starts a machine for each page and waits for all."""

from .step import Pattern


class Report(Pattern):
    """The report and its pages are machines of one namespace."""

    def init(self, step):
        if "report" in step.args:
            # A page. The work is a step of its own, so that the start is quick, and tried again
            # by itself.
            step.state = step.args
            return step.notify_self("work")
        step.state = {"waits": step.args["pages"], "results": {}}
        step.wait_for("pages")
        for page in step.args["pages"]:
            step.start(f"{step.id}/{page}", {"report": step.id, "page": page})

    def notification(self, step, signal):
        if step.args == "work":
            page = step.state["page"]
            step.notify(step.state["report"], {"page": page, "words": len(page.split())})
            step.remove()
        else:
            self.finish(step, step.args["page"], step.args["words"])

    def undelivered(self, step, lost):
        self.finish(step, lost.id.removeprefix(f"{step.id}/"), None)

    def finish(self, step, page, words):
        step.state["waits"].remove(page)
        step.state["results"][page] = words
        if not step.state["waits"]:
            step.wait_for("")
            step.record("complete")
