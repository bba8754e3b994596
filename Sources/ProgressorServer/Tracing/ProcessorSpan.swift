import GRPC
import MachineModel
import ProgressorEngine
import ProgressorProto

/// The span of one call of a processor: of each attempt, one.
///
/// Its parent is the span of who asked: of the client's call, or of the one that set the timer or
/// sent the notification, however long that is over.
struct ProcessorSpan: Sendable {
  /// What the processor is asked, within the span.
  let invocation: Invocation

  private let context: SpanContext
  private let parent: SpanContext?
  private let target: ChannelTarget
  private let tracer: Tracer
  private let start = SpanStart()

  init(_ invocation: Invocation, to target: ChannelTarget, _ tracer: Tracer) {
    parent = invocation.context.span
    context = tracer.context(below: parent)
    var invocation = invocation
    invocation.context = invocation.context.within(context)
    self.invocation = invocation
    self.target = target
    self.tracer = tracer
  }

  /// The call ended.
  func ended(_ code: StatusCode) {
    guard context.isSampled else { return }
    let service = "progressor.v1.Processor"
    let method = ProcessorCall.Method(invocation.stimulus).rawValue
    var span = TraceSpan(
      context, state: invocation.context.traceState, parent: parent?.spanID,
      name: "\(service)/\(method)", kind: .client, startedAt: start.time, endedAt: start.end)
    span.attributes =
      SpanAttributes.ofCall(service: service, method: method)
      + SpanAttributes.of(invocation.machine.machineID) + [
        SpanAttributes.text("progressor.step", invocation.stepToken),
        SpanAttribute("progressor.attempt", Int(invocation.attempt)),
        SpanAttribute("rpc.grpc.status_code", code.rawValue),
      ]
    switch target.address {
    case .host(let host, let port):
      span.attributes.append(SpanAttributes.text("server.address", host))
      span.attributes.append(SpanAttribute("server.port", port))
    case .unixSocket(let path):
      span.attributes.append(SpanAttributes.text("server.address", path))
    }
    if code != .ok {
      span.isError = true
      span.attributes.append(SpanAttribute("error.type", code.name))
    }
    tracer.ended(span)
  }
}
