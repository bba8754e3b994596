import CProgressorProto
public import MachineModel

/// A span as OpenTelemetry has it (`opentelemetry.proto.trace.v1.Span`).
public struct TraceSpan: Sendable, Hashable {
  /// What part of a call it is; the numbers are the protocol's.
  public enum Kind: UInt32, Sendable, Hashable {
    case `internal` = 1
    case server = 2
    case client = 3
  }

  /// Which span.
  public var context: SpanContext
  /// What the trace's systems say of it, as `tracestate` has it; may be empty.
  public var state: String
  /// The span around it; nil = there is none.
  public var parent: UInt64?
  /// What is done, of few words that are the same for many spans.
  public var name: String
  /// What part of a call it is.
  public var kind: Kind
  /// Nanoseconds since 1970.
  public var startedAt: UInt64
  /// Nanoseconds since 1970, not before it started.
  public var endedAt: UInt64
  /// What it was about; each key once.
  public var attributes: [SpanAttribute] = []
  /// Spans, of other traces too, that it had to do with.
  public var links: [SpanContext] = []
  /// How many more there were.
  public var droppedLinks: UInt32 = 0
  /// Whether it failed.
  public var isError = false

  public init(
    _ context: SpanContext, state: String = "", parent: UInt64? = nil, name: String, kind: Kind,
    startedAt: UInt64, endedAt: UInt64
  ) {
    self.context = context
    self.state = state
    self.parent = parent
    self.name = name
    self.kind = kind
    self.startedAt = startedAt
    self.endedAt = endedAt
  }
}

extension TraceSpan: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Opentelemetry__Proto__Trace__V1__Span>?) -> Void {
    opentelemetry__proto__trace__v1__span__init
  }

  init(_ message: Opentelemetry__Proto__Trace__V1__Span) throws(ProtobufError) {
    guard let kind = Kind(rawValue: message.kind.rawValue) else {
      throw .invalid("kind", "has an unknown value")
    }
    self.init(
      SpanContext(
        traceID: try TraceID(message.trace_id.bytes, "trace_id"),
        spanID: try UInt64(bytes: message.span_id.bytes, "span_id"),
        flags: UInt8(truncatingIfNeeded: message.flags)),
      state: try message.trace_state.text("trace_state"),
      parent: message.parent_span_id.len == 0
        ? nil : try UInt64(bytes: message.parent_span_id.bytes, "parent_span_id"),
      name: try message.name.text("name"), kind: kind,
      startedAt: message.start_time_unix_nano, endedAt: message.end_time_unix_nano)
    attributes = try SpanAttribute.readAll(
      message.attributes, count: message.n_attributes, "attributes")
    links = try SpanLink.readAll(message.links, count: message.n_links, "links").map(\.context)
    droppedLinks = message.dropped_links_count
    isError = try SpanStatus.read(message.status, "status") != nil
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Trace__V1__Span, in arena: inout ProtobufArena
  ) {
    message.trace_id = arena.copy(context.traceID.bytes)
    message.span_id = arena.copy(context.spanID.bytes)
    message.trace_state = arena.make(state)
    if let parent { message.parent_span_id = arena.copy(parent.bytes) }
    message.name = arena.make(name)
    message.kind = Opentelemetry__Proto__Trace__V1__Span__SpanKind(rawValue: kind.rawValue)
    message.start_time_unix_nano = startedAt
    message.end_time_unix_nano = endedAt
    message.attributes = arena.makeAll(attributes)
    message.n_attributes = attributes.count
    message.links = arena.makeAll(links.map { SpanLink(context: $0) })
    message.n_links = links.count
    message.dropped_links_count = droppedLinks
    message.status = arena.make(isError ? SpanStatus() : nil)
    message.flags = UInt32(context.flags)
  }
}

/// `Span.Link`.
private struct SpanLink: CRepresentable {
  let context: SpanContext

  init(context: SpanContext) { self.context = context }

  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Trace__V1__Span__Link>?) -> Void
  {
    opentelemetry__proto__trace__v1__span__link__init
  }

  init(_ message: Opentelemetry__Proto__Trace__V1__Span__Link) throws(ProtobufError) {
    context = SpanContext(
      traceID: try TraceID(message.trace_id.bytes, "trace_id"),
      spanID: try UInt64(bytes: message.span_id.bytes, "span_id"),
      flags: UInt8(truncatingIfNeeded: message.flags))
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Trace__V1__Span__Link, in arena: inout ProtobufArena
  ) {
    message.trace_id = arena.copy(context.traceID.bytes)
    message.span_id = arena.copy(context.spanID.bytes)
    message.flags = UInt32(context.flags)
  }
}

/// `Status` of what failed. Its text is left out: it is a processor's, which may say anything.
private struct SpanStatus: CRepresentable {
  init() {}

  static var initialize: (UnsafeMutablePointer<Opentelemetry__Proto__Trace__V1__Status>?) -> Void {
    opentelemetry__proto__trace__v1__status__init
  }

  init(_ message: Opentelemetry__Proto__Trace__V1__Status) throws(ProtobufError) {
    guard message.code == OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR
    else { throw .invalid("code", "is none that is sent") }
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Trace__V1__Status, in arena: inout ProtobufArena
  ) {
    message.code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR
  }
}

extension TraceID {
  fileprivate var bytes: [UInt8] { high.bytes + low.bytes }

  fileprivate init(_ bytes: [UInt8], _ field: String) throws(ProtobufError) {
    guard bytes.count == 16 else { throw .invalid(field, "must have 16 bytes") }
    self.init(
      high: try UInt64(bytes: Array(bytes[..<8]), field),
      low: try UInt64(bytes: Array(bytes[8...]), field))
  }
}

extension UInt64 {
  /// The first byte is the highest.
  fileprivate var bytes: [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> UInt64($0)) }
  }

  fileprivate init(bytes: [UInt8], _ field: String) throws(ProtobufError) {
    guard bytes.count == 8 else { throw .invalid(field, "must have 8 bytes") }
    self = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
