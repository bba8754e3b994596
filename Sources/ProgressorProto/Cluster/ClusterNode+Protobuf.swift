import CProgressorProto
import MachineModel

extension ClusterNode: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Node>?) -> Void {
    progressor__v1__node__init
  }

  init(_ message: Progressor__V1__Node) throws(ProtobufError) {
    self.init(
      id: try message.id.text("id"), name: try message.name.text("name"),
      address: try message.address.text("address"), version: try message.version.text("version"),
      startedAt: try Timestamp.require(message.started_at, "started_at"),
      leaseUntil: try Timestamp.require(message.lease_until, "lease_until"),
      shards: message.shards, isSelf: message.`self` != 0)
  }

  func fill(_ message: inout Progressor__V1__Node, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
    message.name = arena.make(name)
    message.address = arena.make(address)
    message.version = arena.make(version)
    message.started_at = arena.make(startedAt)
    message.lease_until = arena.make(leaseUntil)
    message.shards = shards
    message.`self` = isSelf ? 1 : 0
  }
}

extension ClusterDatabase: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DatabaseStatus>?) -> Void {
    progressor__v1__database_status__init
  }

  init(_ message: Progressor__V1__DatabaseStatus) throws(ProtobufError) {
    self.init(
      version: try message.version.text("version"), sizeBytes: message.size_bytes,
      oldestTransaction: message.oldest_transaction_seconds)
  }

  func fill(_ message: inout Progressor__V1__DatabaseStatus, in arena: inout ProtobufArena) {
    message.version = arena.make(version)
    message.size_bytes = sizeBytes
    message.oldest_transaction_seconds = oldestTransaction
  }
}
