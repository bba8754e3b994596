/// How many bytes of answers may wait for clients that do not take them.
struct UnreadBudget {
  /// How many bytes may wait on one connection.
  let perConnection: Int
  /// How many bytes may wait on all connections together.
  let perServer: Int

  /// Whether an answer fits. A connection never holds more than all of them leave free, so that
  /// none can take everything (dynamic thresholds; Choudhury and Hahne, 1998).
  ///
  /// - Parameters:
  ///   - held: what waits on the connection.
  ///   - total: what waits in the server, `held` among it.
  func fits(_ bytes: Int, held: Int, total: Int) -> Bool {
    held + bytes <= perConnection && held + bytes <= perServer - total - bytes
  }
}

/// How long the answers of a connection's methods have been lately: what is set aside for a call
/// before it begins. Short ones are not worth remembering.
struct ExpectedSizes {
  /// Answers of fewer bytes are short.
  static let short = 64 << 10

  private var sizes: [String: Int] = [:]

  /// About the length of a method's next answer in bytes; 0 = short, or not known.
  subscript(path: String) -> Int {
    sizes.isEmpty ? 0 : sizes[path, default: 0]
  }

  /// A method was answered. One long answer is remembered for a while.
  mutating func answered(_ path: String, _ size: Int) {
    let old = self[path]
    if old == 0, size < Self.short { return }
    let new = max(size, old - old / 8 - 1)
    sizes[path] = new < Self.short ? nil : new
  }
}
