import Synchronization

/// What a responder, on any thread, and its connection's event loop both know of a call.
struct CallState {
  /// The handler gave its last word.
  private(set) var isAnswered = false
  /// The call is over without the handler.
  private(set) var isCancelled = false
  /// Bytes that were given to `send` and did not leave.
  private(set) var bufferedBytes = 0
  /// `send` refused a message, or would have.
  private var wantsWritable = false
  private var cancelled: (@Sendable () -> Void)?
  private var writable: (@Sendable () -> Void)?

  var isOver: Bool { isAnswered || isCancelled }

  /// Functions of the application that were let go of. They may hold the responder, whose end locks
  /// the state again: keep them until the lock is open.
  typealias Released = [(@Sendable () -> Void)?]

  /// The handler's last word; nil when there was one before.
  mutating func answer() -> Released? {
    guard !isAnswered else { return nil }
    isAnswered = true
    return releaseFunctions()
  }

  /// The call is over without the handler.
  ///
  /// - Returns: what to call, nil when nothing is to be called, and what to release.
  mutating func cancel() -> (call: (@Sendable () -> Void)?, released: Released) {
    guard !isOver else { return (nil, []) }
    isCancelled = true
    let call = cancelled
    return (call, releaseFunctions())
  }

  /// Registers a function; false when it is to be called at once.
  mutating func onCancel(_ body: @escaping @Sendable () -> Void) -> (register: Bool, Released) {
    guard !isCancelled else { return (false, []) }
    guard !isAnswered else { return (true, []) }
    let old = cancelled
    cancelled = body
    return (true, [old])
  }

  mutating func onWritable(_ body: @escaping @Sendable () -> Void) -> Released {
    guard !isOver else { return [] }
    let old = writable
    writable = body
    return [old]
  }

  /// Whether a message may be sent now; remembers that the answer was no.
  mutating func isWritable(limit: Int, connectionHasRoom: Bool) -> Bool {
    guard !isOver else { return false }
    // Both are looked at under the lock: `sent` comes either before, and there is room, or after.
    let isWritable = bufferedBytes < limit && connectionHasRoom
    if !isWritable { wantsWritable = true }
    return isWritable
  }

  mutating func buffered(_ count: Int) {
    bufferedBytes += count
  }

  /// Bytes left, of this call or of others on the connection; answers the function that is to be
  /// told, once for each refusal.
  mutating func sent(
    _ count: Int, limit: Int, connectionHasRoom: Bool
  ) -> (@Sendable () -> Void)? {
    bufferedBytes -= count
    guard wantsWritable, !isOver, bufferedBytes < limit, connectionHasRoom else { return nil }
    wantsWritable = false
    return writable
  }

  private mutating func releaseFunctions() -> Released {
    defer {
      cancelled = nil
      writable = nil
    }
    return [cancelled, writable]
  }
}
