/// Is told how each call of a method ends. Called on the event loop of the call's connection; must
/// not block.
public protocol CallObserver: Sendable {
  /// A call was answered, or given up by its client (CANCELLED).
  ///
  /// - Parameter nanoseconds: since its header fields arrived.
  func callEnded(_ code: StatusCode, after nanoseconds: Int64)
}
