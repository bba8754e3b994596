import CProgressorProto
import MachineModel

extension Content: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Content>?) -> Void {
    progressor__v1__content__init
  }

  init(_ message: Progressor__V1__Content) throws(ProtobufError) {
    self.init(formatVersion: message.format_version, data: message.data.bytes)
  }

  func fill(_ message: inout Progressor__V1__Content, in arena: inout ProtobufArena) {
    message.format_version = formatVersion
    message.data = arena.refer(to: data)
  }
}

extension Event: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Event>?) -> Void {
    progressor__v1__event__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__Event) throws(ProtobufError) {
    self.init(
      id: message.id,
      createdAt: try Timestamp.require(message.created_at, "created_at"),
      body: try Content.read(message.body, "body") ?? Content(data: []))
  }

  func fill(_ message: inout Progressor__V1__Event, in arena: inout ProtobufArena) {
    message.id = id
    message.created_at = arena.make(createdAt)
    message.body = arena.make(body)
  }
}
