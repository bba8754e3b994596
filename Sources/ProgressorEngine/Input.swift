public import MachineModel

/// Everything that can happen to the engine.
public enum Input: Sendable {
  /// A client asks.
  case request(Request)
  /// A client went away or cancelled. The request's reply still arises, at once or when the work
  /// that has begun for it is over: nobody hears it, but then nothing is done for the client any
  /// more.
  case cancelled(RequestID)

  /// A load is answered.
  case loaded(LoadID, Result<Loaded, ReadFailure>)
  /// `Effect.list` is answered, with what its listing is about.
  case listed(RequestID, Result<Listed, ReadFailure>)
  /// A page of `Trace` is answered: the newest record first, one more than the limit when there is
  /// more; nil = there is no such machine.
  case traceRead(RequestID, Result<[StepRecord]?, ReadFailure>)
  /// A look ahead is answered, for each of its spans in their order.
  case due(DueQuery, [Result<DuePage, ReadFailure>])

  /// A look ahead among messages is answered.
  case messagesDue(MessageQuery, Result<MessagePage, ReadFailure>)
  /// Messages were read: those that are still there and can be delivered.
  case messagesLoaded(LoadID, Result<LoadedMessages, ReadFailure>)
  /// The engine that has the target of a message has answered, or nobody has in time.
  case delivered(DeliveryID, Reply)

  /// A processor call ended.
  case processorAnswered(StepID, attempt: Int32, ProcessorOutcome)
  /// The endpoint of a namespace, awaited by `Effect.awaitEndpoint`, can be reached.
  case endpointReady(NamespaceNumber)

  /// The batch is durable.
  case committed(BatchID)
  /// Nothing of the batch is in the database, through the fault of a step in it.
  case refused(BatchID, CommitRefusal)
  /// The database does not take the batch; storage goes on trying, and answers later.
  case commitDelayed(BatchID)
  /// The lease is lost: nothing of the batch is in the database, or all of it if its connection was
  /// lost on the way. It is not told which, so its callers hear UNAVAILABLE.
  case fenced(BatchID)

  /// The lease is good until this `Moment.uptime` (sent time + lease − margin).
  case leaseRenewed(until: Int64)
  /// Shards that this node owns from now on; nothing of them was in memory before.
  case shardsAcquired([ShardGrant])
  /// Shards that it owns no more: everything of them is dropped, callers hear NOT_OWNER.
  case shardsLost([ShardID])

  /// Another core of the node, or this one, moves permits of a namespace.
  case permits(PermitMessage)

  /// The namespaces as they are now; those not named are gone.
  case namespacesChanged([NamespaceRecord])
  /// The time of the last `Effect.wake` has come.
  case timePassed
}
