import CProgressorProto
import MachineModel

extension Pause: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Paused>?) -> Void {
    progressor__v1__paused__init
  }

  init(_ message: Progressor__V1__Paused) throws(ProtobufError) {
    self.init(
      pausedAt: try Timestamp.require(message.paused_at, "paused_at"),
      reason: try message.reason.text("reason"),
      principal: try message.principal.optionalText("principal"))
  }

  func fill(_ message: inout Progressor__V1__Paused, in arena: inout ProtobufArena) {
    message.paused_at = arena.make(pausedAt)
    message.reason = arena.make(reason)
    message.principal = arena.make(principal ?? "")
  }

  /// The reason that a request gives.
  static func reason(_ data: ProtobufCBinaryData) throws(ProtobufError) -> String {
    let text = try data.text("reason")
    guard text.utf8.count <= maximumReasonBytes else {
      throw .invalid("reason", "is longer than \(maximumReasonBytes) bytes")
    }
    return text
  }
}
