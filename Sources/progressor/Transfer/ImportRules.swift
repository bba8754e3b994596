import MachineModel
import ProgressorProto
import ProgressorServer

/// What a server refuses of a piece of a machine before it puts machines together: what the
/// contract's codec does not take, and metadata that could not be sent to a processor.
enum ImportRules {
  /// The error's path is that of `MachineAssembly`: `.head.timer`, `.events[0]`.
  static func check(_ part: MachinePart) throws(ProgressorError) {
    do throws(ProtobufError) {
      _ = try ImportRequest(decoding: ImportRequest(namespace: "", parts: [part]).encoded())
    } catch {
      throw error.seenFromPart
    }
    switch part {
    case .head(let head):
      try PortableMetadata.check(head.timer?.metadata ?? [], ".head.timer.metadata")
    case .notifications(let notifications):
      for (index, notification) in notifications.enumerated() {
        try PortableMetadata.check(notification.metadata, ".notifications[\(index)].metadata")
      }
    case .events, .end: break
    }
  }
}

extension ProtobufError {
  /// In the request a piece is `parts[0]`, and its events are `events.events[0]`.
  fileprivate var seenFromPart: ProgressorError {
    guard case .invalid(let path, let problem) = self else { return ProgressorError(self) }
    var field = path[...]
    for prefix in ["parts[0]", ".events", ".notifications"] where field.hasPrefix(prefix) {
      field = field.dropFirst(prefix.count)
    }
    return .invalidArgument(field: String(field), problem)
  }
}
