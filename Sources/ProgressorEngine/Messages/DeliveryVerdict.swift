import MachineModel

/// What a reply means for the message that was delivered.
enum DeliveryVerdict {
  /// It has had its effect.
  case delivered
  /// It will never have one.
  case never(ProgressorError)
  /// It is tried again.
  case again(ProgressorError)

  init(_ reply: Reply, to message: PendingMessage) {
    guard case .error(let error) = reply else {
      self = .delivered
      return
    }
    switch (error.reason, message.message.kind) {
    // A namespace that was just made through another node is known here within seconds.
    case (.namespaceNotFound, _) where message.attempts < Self.attemptsToFindNamespace:
      self = .again(error)
    case (.machineAlreadyExists, .start(_, ignoresExisting: true)): self = .delivered
    case (.machineNotFound, _), (.namespaceNotFound, _), (.machineAlreadyExists, _),
      (.startFailed, _), (.processorRefused, _):
      self = .never(error)
    default: self = .again(error)
    }
  }

  /// With their pauses these take longer than a node needs to hear of a namespace.
  private static let attemptsToFindNamespace: Int32 = 6
}

extension PendingMessage {
  /// The longest pause between two attempts, in microseconds.
  static let longestPause: Int64 = 30_000_000
  private static let firstPause: Int64 = 100_000

  /// The message after an attempt that failed, which is repeated.
  ///
  /// - Parameter random: Uniform in 0..<1.
  func retried(after error: ProgressorError, at now: Timestamp, random: Double) -> PendingMessage {
    var next = failed(error)
    let doublings = Int64(min(max(attempts, 0), 16))
    let pause = min(Self.longestPause, Self.firstPause << doublings)
    next.nextAttemptAt = now.advanced(
      byMicroseconds: Int64(Double(pause) * (0.75 + 0.25 * random)))
    return next
  }

  /// The message after an attempt that failed for good.
  func givenUp(after error: ProgressorError) -> PendingMessage {
    var next = failed(error)
    next.nextAttemptAt = nil
    return next
  }

  private func failed(_ error: ProgressorError) -> PendingMessage {
    var next = self
    next.attempts = attempts == .max ? .max : attempts + 1
    next.lastCode = error.code.rawValue
    next.lastReason = error.reason.rawValue
    return next
  }
}

extension MessageRow {
  /// The operation that delivers it. Its key begins with a character that no client's may have, so
  /// that nobody takes it first.
  var operation: Operation {
    let name = "\(ref.shard.number)/\(ref.machine.number)/\(ref.number)"
    let key = "\(IdempotencyRow.messageMark)message/\(name)"
    return switch pending.message.kind {
    case .start(let args, _): .start(args: args, key: key)
    case .notify(let args): .notify(args: args, range: nil, key: key)
    }
  }
}

extension IdempotencyRow {
  /// What the keys of messages begin with.
  static let messageMark = "\u{1}"
  /// How long the key of a message is remembered at least: as long as it may be on its way without
  /// its sender having heard. Microseconds.
  private static let messageRetention: Int64 = 24 * 3_600_000_000

  /// How long a key is remembered, where the namespace says so much. Microseconds.
  static func retention(of key: String, namespace: Int64) -> Int64 {
    key.hasPrefix(messageMark) ? max(namespace, messageRetention) : namespace
  }
}
