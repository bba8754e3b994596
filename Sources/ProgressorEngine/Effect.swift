public import MachineModel

/// Everything that the engine may do to the world. The order of effects is the order to perform
/// them in; each answer comes back as an `Input` with the same identity.
public enum Effect: Sendable {
  /// Answer a client. Once for each request, a cancelled one too; never before what it tells is
  /// durable (I2).
  case reply(RequestID, Reply)
  /// Read rows; answered by `Input.loaded`.
  case load(LoadRequest)
  /// Read many rows, a page or a count; answered by `Input.listed`.
  case list(RequestID, Listing)
  /// Read a page of what happened to a machine; answered by `Input.traceRead`.
  case readTrace(RequestID, NamespaceNumber, MachineID, TraceQuery)
  /// Look ahead among the machines of owned shards; answered by `Input.due`. One at a time.
  case readDue(DueQuery)
  /// Look ahead among the messages of owned shards; answered by `Input.messagesDue`. One at a time.
  case readMessages(MessageQuery)
  /// Read messages as they are; answered by `Input.messagesLoaded`.
  case loadMessages(MessageLoad)
  /// Hand a message to the engine that has its target; answered by `Input.delivered`.
  case deliver(Delivery)
  /// Call a processor; answered by `Input.processorAnswered`.
  case invoke(Invocation)
  /// The client of an invocation went away: end it as unreachable if the processor cannot have seen
  /// it, because it waits for the endpoint. Otherwise it goes on.
  case callOff(StepID, attempt: Int32)
  /// Tell with `Input.endpointReady` when the namespace's endpoint can be reached.
  case awaitEndpoint(NamespaceNumber)
  /// Hand a message to the engine of another core, as `Input.permits`: each in its order, none
  /// lost.
  case sendPermits(PermitMessage)
  /// Write a batch; answered by `committed`, `refused` or `fenced`, after any `commitDelayed`.
  case commit(CommitBatch)
  /// Send `Input.timePassed` at this `Moment.uptime`; replaces what was asked before.
  case wake(at: Int64)
}
