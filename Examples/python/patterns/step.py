"""What the patterns share: a step as an object, and one function per stimulus."""

import json
from datetime import datetime

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from progressor.v1 import processor_pb2 as messages
from progressor.v1 import processor_pb2_grpc as services
from progressor.v1 import types_pb2 as types


class Refused(Exception):
    """The caller hears why, and the machine is as it was."""


class Step:
    """What an invocation is about, and what comes of it: all of that is committed together, or
    nothing. `state` is the machine's aux state, `args` what was sent, both as JSON."""

    def __init__(self, request, stimulus, context):
        self.id = request.machine.id
        self.state = json.loads(request.machine.aux_state.data or b"{}")
        self.args = json.loads(stimulus.args or b"null")
        # The same whenever this step is repeated: the key for what is done outside.
        self.key = dict(context.invocation_metadata())["progressor-step"]
        self._before = json.dumps(self.state)
        self._events = []
        self._waiting_for = None
        self.action = types.Action()

    def record(self, event):
        self._events.append(types.Content(format_version=1, data=event.encode()))

    def wait_for(self, what):
        """For people who look at the machine; "" = it waits for nothing."""
        self._waiting_for = what

    def notify(self, id, args, after=None, name=""):
        """`after` so many seconds; a pending message of the same name is replaced."""
        self._send(types.OutgoingMessage(
            id=id, name=name, notify=types.NotifyMessage(args=json.dumps(args).encode())), after)

    def notify_self(self, args, after=None):
        """What is sent is also its name: a timer beside the others."""
        self.notify(self.id, args, after, name=args)

    def start(self, id, args):
        """One that can never be started is told of by the signal `undelivered`."""
        self._send(types.OutgoingMessage(
            id=id, start=types.StartMessage(args=json.dumps(args).encode()), report_failure=True))

    def _send(self, message, after=None):
        if after is not None:
            message.delay.CopyFrom(seconds(after))
        self.action.send.append(message)

    def cancel(self, *names):
        self.action.cancel_messages.extend(names)

    def set_timer(self, at: datetime):
        time = Timestamp()
        time.FromDatetime(at)
        self.action.set_timer.CopyFrom(types.SetTimer(deadline=time))

    def remove(self):
        self.action.remove = True

    @property
    def change(self):
        """Where nothing changes, nothing is written: a call may be a question."""
        after = json.dumps(self.state)
        state = types.Content(format_version=1, data=after.encode())
        return types.StateChange(
            aux_state=None if after == self._before else state, events=self._events,
            waiting_for=self._waiting_for)


def seconds(number):
    duration = Duration()
    duration.FromMicroseconds(round(number * 1_000_000))
    return duration


class Pattern(services.ProcessorServicer):
    """Hands each stimulus to the function of its name: `init`, `timeout`, `notification`,
    `undelivered`, `call`."""

    def ProcessSignal(self, request, context):
        kind = request.signal.WhichOneof("kind")
        signal = getattr(request.signal, kind)
        step = Step(request, signal if kind != "timeout" else types.NotifyMessage(), context)
        handle = getattr(self, kind)
        refusing(context, lambda: handle(step, signal) if kind in TOLD_OF else handle(step))
        return messages.ProcessSignalResponse(change=step.change, action=step.action)

    def ProcessCall(self, request, context):
        step = Step(request, request, context)
        response = refusing(context, lambda: self.call(step))
        return messages.ProcessCallResponse(
            response=json.dumps(response).encode(), change=step.change, action=step.action)

    def ProcessRepair(self, request, context):
        return messages.ProcessRepairResponse()

    def call(self, step):
        return step.state


# Of these the function is told more than the args: who sent them, or what was lost.
TOLD_OF = ("notification", "undelivered")


def refusing(context, function):
    try:
        return function()
    except Refused as refusal:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refusal))
    except ConnectionError as error:
        # Somebody outside is away: what is no caller's is tried again.
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
