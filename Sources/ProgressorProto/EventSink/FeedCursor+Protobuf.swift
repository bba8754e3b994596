import CProgressorProto
import MachineModel

extension FeedCursor: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Cursor>?) -> Void {
    progressor__v1__cursor__init
  }

  init(_ message: Progressor__V1__Cursor) throws(ProtobufError) {
    if message.shard < 0 { throw .invalid("shard", "must not be negative") }
    if message.sequence < 0 { throw .invalid("sequence", "must not be negative") }
    self.init(shard: ShardID(message.shard), sequence: message.sequence)
  }

  func fill(_ message: inout Progressor__V1__Cursor, in arena: inout ProtobufArena) {
    message.shard = shard.number
    message.sequence = sequence
  }
}

extension FeedStart {
  /// The member of the contract's enum, nil for its zero.
  static func read(
    _ start: Progressor__V1__StartPosition, _ field: String
  ) throws(ProtobufError) -> FeedStart? {
    start.rawValue == 0 ? nil : try FeedStart(start.rawValue, field)
  }

  static func protobuf(_ start: FeedStart?) -> Progressor__V1__StartPosition {
    Progressor__V1__StartPosition(rawValue: UInt32(bitPattern: start?.rawValue ?? 0))
  }
}
