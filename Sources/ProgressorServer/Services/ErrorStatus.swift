import GRPC
import MachineModel
import ProgressorProto

extension RPCStatus {
  /// What a client is told: code and message, a `google.rpc.Status` that begins with an ErrorInfo of
  /// domain `progressor`, and when to try again. Sent without response headers (Trailers-Only), so
  /// that clients honour the push-back (gRFC A6).
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
