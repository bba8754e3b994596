import CProgressorProto
import MachineModel

extension FeedOptions: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__FeedOptions>?) -> Void {
    progressor__v1__feed_options__init
  }

  init(_ message: Progressor__V1__FeedOptions) throws(ProtobufError) {
    self.init(
      isEnabled: message.enabled != 0, hasBodies: message.bodies != 0,
      retention: try ProtobufDuration.read(message.retention, "retention", atLeast: 1),
      maxBytes: message.max_bytes)
  }

  func fill(_ message: inout Progressor__V1__FeedOptions, in arena: inout ProtobufArena) {
    message.enabled = isEnabled ? 1 : 0
    message.bodies = hasBodies ? 1 : 0
    message.retention = arena.make(microseconds: retention)
    message.max_bytes = maxBytes
  }
}
