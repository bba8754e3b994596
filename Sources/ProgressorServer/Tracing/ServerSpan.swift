import GRPC
import MachineModel
import ProgressorProto
import Synchronization

/// The span of a client's call, from its header fields to its answer.
final class ServerSpan: CallFollower {
  /// What goes on to processors, and is kept with timers and notifications.
  let context: SpanContext

  private let tracer: Tracer
  private let parent: SpanContext?
  private let state: String
  private let path: String
  private let start: SpanStart
  private let machine = Mutex<MachineID?>(nil)

  init(_ call: CallHead, _ tracer: Tracer) {
    let caller = CallerContext(call.metadata, principal: nil)
    self.tracer = tracer
    parent = caller.span
    context = tracer.context(below: parent)
    state = parent == nil ? "" : caller.traceState
    path = call.path
    start = SpanStart()
  }

  /// Of which calls there are spans: not of those by which others look whether we live.
  static func follow(_ tracer: Tracer) -> @Sendable (CallHead) -> (any CallFollower)? {
    { call in call.path.hasPrefix("/grpc.") ? nil : ServerSpan(call, tracer) }
  }

  /// What the call turned out to be about.
  func concerns(_ machine: MachineID) {
    if context.isSampled { self.machine.withLock { $0 = machine } }
  }

  func callEnded(_ call: CallSummary) {
    guard context.isSampled else { return }
    let name = path.dropFirst()
    let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var span = TraceSpan(
      context, state: state, parent: parent?.spanID, name: String(name), kind: .server,
      startedAt: start.time, endedAt: start.end)
    span.attributes = SpanAttributes.ofCall(
      service: String(parts.first ?? ""), method: String(parts.last ?? ""))
    if let machine = machine.withLock({ $0 }) { span.attributes += SpanAttributes.of(machine) }
    span.attributes.append(SpanAttribute("rpc.grpc.status_code", call.code.rawValue))
    if ServerSpan.errors.contains(call.code) {
      span.isError = true
      span.attributes.append(SpanAttribute("error.type", call.code.name))
    }
    tracer.ended(span)
  }

  /// What is the server's fault, by OpenTelemetry's semantic conventions for gRPC.
  private static let errors: Set<StatusCode> = [
    .unknown, .deadlineExceeded, .unimplemented, .internalError, .unavailable, .dataLoss,
  ]
}
