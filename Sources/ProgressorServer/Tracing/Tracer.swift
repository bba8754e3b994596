import Glibc
import MachineModel
import NIOCore
import ProgressorProto

/// Makes spans. The node's; from any thread.
final class Tracer: Sendable {
  private let sampler: TraceSampler
  private let record: @Sendable (TraceSpan) -> Void

  /// - Parameter record: Takes spans that are over; must not block.
  init(sampler: TraceSampler, record: @escaping @Sendable (TraceSpan) -> Void) {
    self.sampler = sampler
    self.record = record
  }

  /// A span below another one, or of a trace of its own. One that is not recorded has no name of
  /// its own below a parent: who comes after it is the parent's, which others may record.
  func context(below parent: SpanContext?) -> SpanContext {
    let trace =
      parent?.traceID
      ?? TraceID(high: .random(in: .min ... .max), low: .random(in: 1 ... .max))
    let isRecorded = sampler.records(trace, below: parent)
    var context = SpanContext(traceID: trace, spanID: 0, flags: parent?.flags ?? 0)
    context.flags &= ~SpanContext.sampled
    if isRecorded { context.flags |= SpanContext.sampled }
    context.spanID =
      isRecorded ? .random(in: 1 ... .max) : parent?.spanID ?? .random(in: 1 ... .max)
    return context
  }

  /// A span of a trace of its own that is recorded whatever the sampler says.
  func ownContext() -> SpanContext {
    SpanContext(
      traceID: TraceID(high: .random(in: .min ... .max), low: .random(in: 1 ... .max)),
      spanID: .random(in: 1 ... .max), flags: SpanContext.sampled)
  }

  /// A span is over.
  func ended(_ span: TraceSpan) { record(span) }
}

/// When a span began, by the time of day, and by a clock that nobody sets.
struct SpanStart: Sendable {
  /// Nanoseconds since 1970.
  let time: UInt64
  private let reference: NIODeadline

  /// Now.
  init() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    self.time =
      UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    reference = .now()
  }

  /// Now, in nanoseconds since 1970: so much later as has passed.
  var end: UInt64 { time &+ UInt64(clamping: (NIODeadline.now() - reference).nanoseconds) }
}

/// What all our spans of calls have in common (OpenTelemetry, "Semantic conventions for gRPC").
enum SpanAttributes {
  /// The longest id or name, in bytes of UTF-8.
  private static let maximumBytes = 256

  static func ofCall(service: String, method: String) -> [SpanAttribute] {
    [
      SpanAttribute("rpc.system", "grpc"), SpanAttribute("rpc.service", service),
      SpanAttribute("rpc.method", method),
    ]
  }

  /// `id` is empty for what concerns a namespace.
  static func of(_ machine: MachineID) -> [SpanAttribute] {
    var all = [text("progressor.namespace", machine.namespace)]
    if !machine.id.isEmpty { all.append(text("progressor.machine_id", machine.id)) }
    return all
  }

  /// Of what others chose: bounded.
  static func text(_ key: String, _ text: String) -> SpanAttribute {
    SpanAttribute(key, text.fitToKeep(utf8Bytes: maximumBytes))
  }
}

extension CallerContext {
  /// `tracestate` as a span has it: several are one list (W3C Trace Context, section 3.3.1.1).
  /// Empty for one that is longer than everybody takes.
  var traceState: String {
    let lists = entries.filter { $0.name == "tracestate" }.map(\.value)
    let all = lists.joined(separator: ",")
    return all.utf8.count <= 512 ? all : ""
  }
}
