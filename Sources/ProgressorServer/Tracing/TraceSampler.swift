import MachineModel

/// Decides which traces are recorded: the samplers that OpenTelemetry's SDKs have.
struct TraceSampler: Sendable, Hashable {
  /// What its caller says of a trace counts.
  let respectsParent: Bool
  /// Of 2⁶³ trace ids, so many are recorded.
  private let threshold: UInt64

  private static let all: UInt64 = 1 << 63

  /// Their names (OpenTelemetry, "General SDK Configuration", `OTEL_TRACES_SAMPLER`).
  static let names = [
    "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
    "parentbased_traceidratio",
  ]

  /// Every trace of which nobody says that it is not recorded.
  static let standard = TraceSampler(respectsParent: true, ratio: 1)

  private init(respectsParent: Bool, ratio: Double) {
    self.respectsParent = respectsParent
    threshold = ratio >= 1 ? Self.all : UInt64(ratio * 0x1p63)
  }

  /// nil = there is none of that name.
  ///
  /// - Parameter ratio: From 0 to 1, for those that have one.
  init?(name: String, ratio: Double) {
    let prefix = "parentbased_"
    let respectsParent = name.hasPrefix(prefix)
    switch respectsParent ? String(name.dropFirst(prefix.count)) : name {
    case "always_on": self.init(respectsParent: respectsParent, ratio: 1)
    case "always_off": self.init(respectsParent: respectsParent, ratio: 0)
    case "traceidratio" where (0...1).contains(ratio):
      self.init(respectsParent: respectsParent, ratio: ratio)
    default: return nil
    }
  }

  /// Whether a span of the trace is recorded. Without a caller's word all that decide by the same
  /// ratio, wherever they are, decide alike: by the random half of the id.
  func records(_ trace: TraceID, below parent: SpanContext?) -> Bool {
    if respectsParent, let parent { return parent.isSampled }
    return trace.low >> 1 < threshold
  }
}
