import GRPC
import MachineModel
import ProgressorProto

extension RPCStatus {
  /// A status that the gRPC layer made up itself, with the reason that the contract has for its
  /// code; unchanged if it has none.
  init(annotating status: RPCStatus) {
    let reason: Reason
    switch status.code {
    case .resourceExhausted, .unavailable: reason = .overloaded
    case .unimplemented: reason = .unimplemented
    case .deadlineExceeded: reason = .deadlineExceeded
    default:
      self = status
      return
    }
    var error = ProgressorError(Code(status.code), reason, status.message)
    // What the layer says itself stays: a message over the limit is too large each time.
    if status.code == .resourceExhausted, status.trailers.isEmpty { error.retryPushback = 1_000 }
    self.init(error)
    if !status.trailers.isEmpty { trailers = status.trailers }
  }

  /// What a client is told: code and message, a `google.rpc.Status` that begins with an ErrorInfo
  /// of domain `progressor`, and when to try again. Sent without response headers (Trailers-Only),
  /// so that clients honour the push-back (gRFC A6).
  ///
  /// - Parameter machine: What the request was about; empty parts are left out.
  init(_ error: ProgressorError, machine: MachineID = MachineID(namespace: "", id: "")) {
    let rich = RichStatus(
      error, namespace: machine.namespace.isEmpty ? nil : machine.namespace,
      machineID: machine.id.isEmpty ? nil : machine.id)
    var trailers = Metadata()
    if let pushback = error.retryPushback {
      // The name and a number are valid metadata.
      try? trailers.append("grpc-retry-pushback-ms", text: String(pushback))
    }
    self.init(
      code: StatusCode(error.code), message: rich.message, details: rich.encoded(),
      trailers: trailers)
  }
}
