/// How much memory the decoding of one message may take.
struct DecodingBudget {
  /// Bytes that even the smallest message may take.
  static let base = 64 << 10
  /// Bytes per byte of the message. protobuf-c needs up to 40 for the smallest fields there are.
  static let factor = 64

  /// Bytes that even the largest message may take.
  var cap: Int

  /// For what a server decodes: requests, and answers of processors. Their payloads are few and
  /// large; 16 MiB of nothing but tiny fields are refused.
  static let request = DecodingBudget(cap: 64 << 20)

  /// For what holds whole machines, decoded by clients and processors: histories of tiny events in
  /// a message of 16 MiB fit.
  static let machine = DecodingBudget(cap: 256 << 20)

  /// The bytes for a message of `size` bytes. Its payloads are copied once, so that a cap never
  /// refuses a message for its size alone.
  func bytes(forMessageOf size: Int) -> Int {
    let (product, overflow) = size.multipliedReportingOverflow(by: Self.factor)
    let wanted = overflow ? Int.max : product
    let bounded = min(wanted, max(cap, size))
    return bounded > Int.max - Self.base ? Int.max : bounded + Self.base
  }
}
