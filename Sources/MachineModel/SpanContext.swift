/// Where in a trace something happens: what `traceparent` hands on (W3C Trace Context, section
/// 3.2).
public struct SpanContext: Sendable, Hashable {
  /// The trace; never all zeros.
  public var traceID: TraceID
  /// The span within it; never 0.
  public var spanID: UInt64
  /// Of what the standard defines: `sampled`, and `random` of its second level.
  public var flags: UInt8

  /// The bit that says that the trace is recorded.
  public static let sampled: UInt8 = 1
  /// The bits that are handed on. Others mean nothing yet and have to be 0 (section 3.2.2.5).
  private static let known: UInt8 = 3

  public init(traceID: TraceID, spanID: UInt64, flags: UInt8) {
    self.traceID = traceID
    self.spanID = spanID
    self.flags = flags
  }

  /// Whether the caller says that the trace is recorded.
  public var isSampled: Bool { flags & SpanContext.sampled != 0 }

  /// Reads a `traceparent`; nil when it is none. Of a later version only what the first one has
  /// counts, and it may go on behind another dash (section 4.3).
  public init?(traceparent: String) {
    let bytes = Array(traceparent.utf8.prefix(56))
    let dash = UInt8(ascii: "-")
    guard bytes.count >= 55, [2, 35, 52].allSatisfy({ bytes[$0] == dash }),
      let version = SpanContext.number(bytes[0..<2]), version != 0xFF,
      bytes.count == 55 || (version != 0 && bytes[55] == dash),
      let high = SpanContext.number(bytes[3..<19]), let low = SpanContext.number(bytes[19..<35]),
      let span = SpanContext.number(bytes[36..<52]), span != 0, high | low != 0,
      let flags = SpanContext.number(bytes[53..<55])
    else { return nil }
    self.init(
      traceID: TraceID(high: high, low: low), spanID: span,
      flags: UInt8(truncatingIfNeeded: flags) & SpanContext.known)
  }

  /// As it is handed on, in the version that we know.
  public var traceparent: String {
    "00-\(traceID.text)-\(spanID.hexadecimal)-0\(String(flags & SpanContext.known, radix: 16))"
  }

  /// In lower case, as the standard demands; at most sixteen digits.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    for digit in digits {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      number = number << 4 | UInt64(value)
    }
    return number
  }
}

/// The sixteen bytes that all spans of a trace share.
public struct TraceID: Sendable, Hashable {
  /// The first eight bytes.
  public var high: UInt64
  /// The last eight bytes: the random ones.
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// 32 hexadecimal digits in lower case.
  public var text: String { high.hexadecimal + low.hexadecimal }
}

extension UInt64 {
  /// Sixteen hexadecimal digits in lower case.
  fileprivate var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}

extension CallerContext {
  /// The span that the caller is in; nil = it names none, none that is valid, or several.
  public var span: SpanContext? {
    var found: SpanContext?
    for entry in entries where entry.name == "traceparent" {
      guard found == nil, let span = SpanContext(traceparent: entry.value) else { return nil }
      found = span
    }
    return found
  }

  /// The trace id of ``span``, 32 hexadecimal digits.
  public var traceID: String? { span?.traceID.text }

  /// The same within another span. What the caller says of its trace (`tracestate`) is handed on
  /// with that trace, and with no other.
  public func within(_ span: SpanContext) -> CallerContext {
    let staysInTrace = self.span?.traceID == span.traceID
    let others = entries.filter {
      $0.name != "traceparent" && (staysInTrace || $0.name != "tracestate")
    }
    return CallerContext(
      [Entry(name: "traceparent", value: span.traceparent)] + others, principal: principal)
  }
}
