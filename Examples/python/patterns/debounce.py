"""Debounce: an index is built when its documents have been left alone for a while, and at the
latest after a longer one."""

from .step import Pattern


class Index(Pattern):
    def init(self, step):
        step.state = {"changed": [], **step.args}

    def notification(self, step, signal):
        changed = step.state["changed"]
        if step.args in ("quiet", "at the latest"):
            if changed:
                step.record(f"built with {len(changed)}")
            step.state["changed"] = []
            return step.cancel("quiet", "at the latest")
        if not changed:
            step.notify_self("at the latest", after=step.state["latest"])
        changed.append(step.args)
        # In the place of the one before: only the last of them comes to its time.
        step.notify_self("quiet", after=step.state["quiet"])
