import CProgressorProto
import MachineModel

extension TraceOptions: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__TraceOptions>?) -> Void {
    progressor__v1__trace_options__init
  }

  init(_ message: Progressor__V1__TraceOptions) throws(ProtobufError) {
    self.init(
      level: message.level == PROGRESSOR__V1__TRACE_LEVEL__TRACE_LEVEL_UNSPECIFIED
        ? nil : try TraceLevel(message.level.rawValue, "level"),
      retention: try ProtobufDuration.read(message.retention, "retention", atLeast: 1))
  }

  func fill(_ message: inout Progressor__V1__TraceOptions, in arena: inout ProtobufArena) {
    message.level = Progressor__V1__TraceLevel(rawValue: UInt32(bitPattern: level?.rawValue ?? 0))
    message.retention = arena.make(microseconds: retention)
  }
}
