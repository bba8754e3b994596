public import MachineModel

/// Where the server itself delivers entries of the feed.
///
/// One call at a time. Whatever is not known to have arrived comes again, so that each entry
/// arrives at least once, and those of one machine in their order.
public protocol SinkTarget: Sendable {
  /// Delivers entries, of any shards; those of one shard in order of their numbers, and not always
  /// without gaps. Once an entry of a machine stays pending, so do its later ones of this call.
  ///
  /// Returns when every entry is delivered or parked, or something has failed; soon after its task
  /// is cancelled in any case.
  func deliver(_ entries: [FeedEntry]) async -> SinkReceipt

  /// Gives back what it holds. Nothing is delivered any more.
  func close() async
}

/// What became of the entries of one delivery.
public struct SinkReceipt: Sendable, Hashable {
  /// Of each entry, in the order in which they were given.
  public var outcomes: [SinkOutcome]
  /// Why some are pending; nil = none is.
  public var failure: SinkFailure?

  /// What became of each entry; with a failure exactly when one is pending.
  public init(outcomes: [SinkOutcome], failure: SinkFailure? = nil) {
    assert(
      outcomes.contains(.pending) == (failure != nil), "what is pending is so for a reason")
    self.outcomes = outcomes
    self.failure = failure
  }
}

/// What became of an entry.
public enum SinkOutcome: Sendable, Hashable {
  /// It has arrived.
  case delivered
  /// It can never arrive, as it is too large; the text says why. Those behind it need not wait.
  case parked(String)
  /// It has to be delivered again.
  case pending
}

/// Why entries could not be delivered now.
public struct SinkFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong, in one line that may be shown to an operator: without a secret, and with what
  /// comes from outside made harmless (``MachineModel/ForeignText``).
  public var description: String
  /// The earliest next attempt, as the target's side asks for it; nil = it does not ask.
  public var retryAfter: Duration?

  public init(_ description: String, retryAfter: Duration? = nil) {
    self.description = description
    self.retryAfter = retryAfter
  }
}
