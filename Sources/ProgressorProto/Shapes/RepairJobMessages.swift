// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CProgressorProto
import CProtobufC
import MachineModel

// A shape is what several messages are, field for field. Each of them says which it has, and its
// struct that it has the fields, which have the names that protoc-c gave them.

/// Fields of a request for a page of a list.
protocol PageFields {
  var page_size: Int32 { get set }
  var page_token: ProtobufCBinaryData { get set }
}

extension PageFields {
  func pageSize() throws(ProtobufError) -> Int32 {
    if page_size < 0 { throw .invalid("page_size", "must not be negative") }
    return page_size
  }

  func pageToken() throws(ProtobufError) -> String { try page_token.text("page_token") }

  mutating func setPage(size: Int32, token: String, in arena: inout ProtobufArena) {
    page_size = size
    page_token = arena.make(token)
  }
}

/// The field that names a repair job.
protocol RepairJobIDFields {
  var id: ProtobufCBinaryData { get set }
}

/// A request that names a repair job, and nothing else.
protocol RepairJobIDShape: CRepresentable where CMessage: RepairJobIDFields {
  var id: String { get }
  init(id: String)
}

extension RepairJobIDShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(id: try message.id.identifier("id"))
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
  }
}

/// A request for a page of what a repair job has many of.
protocol RepairJobPageShape: CRepresentable where CMessage: RepairJobIDFields & PageFields {
  var id: String { get }
  var pageSize: Int32 { get }
  var pageToken: String { get }
  init(id: String, pageSize: Int32, pageToken: String)
}

extension RepairJobPageShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(
      id: try message.id.identifier("id"), pageSize: try message.pageSize(),
      pageToken: try message.pageToken())
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
    message.setPage(size: pageSize, token: pageToken, in: &arena)
  }
}

/// The field that holds a repair job.
protocol RepairJobFields {
  var job: UnsafeMutablePointer<Progressor__V1__RepairJob>! { get set }
}

/// A response that is a repair job.
protocol RepairJobShape: CRepresentable where CMessage: RepairJobFields {
  var job: RepairJob { get }
  init(job: RepairJob)
}

extension RepairJobShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(job: try RepairJob.require(message.job, "job"))
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.job = arena.make(job)
  }
}
