// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CProgressorProto
import CProtobufC
import MachineModel

// A shape is what several messages are, field for field. Each of them says which it has, and its
// struct that it has the fields, which have the names that protoc-c gave them.

/// Fields that name a machine.
protocol MachineFields {
  var namespace_: ProtobufCBinaryData { get set }
  var id: ProtobufCBinaryData { get set }
}

extension MachineFields {
  func machineID() throws(ProtobufError) -> MachineID {
    MachineID(
      namespace: try namespace_.identifier("namespace"), id: try id.identifier("id"))
  }

  mutating func set(_ machineID: MachineID, in arena: inout ProtobufArena) {
    namespace_ = arena.make(machineID.namespace)
    id = arena.make(machineID.id)
  }
}

/// A request that names a machine, and nothing else.
protocol MachineShape: CRepresentable where CMessage: MachineFields {
  var machineID: MachineID { get }
  init(machineID: MachineID)
}

extension MachineShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(machineID: try message.machineID())
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
  }
}

/// Fields of a request that hands something to a machine's processor.
protocol ArgumentsFields: MachineFields {
  var args: ProtobufCBinaryData { get set }
  var history_range: UnsafeMutablePointer<Progressor__V1__HistoryRange>! { get set }
  var idempotency_key: ProtobufCBinaryData { get set }
  var expected_last_event_id: Int64 { get set }
  /// Which member of its oneof is set, by the field's number.
  associatedtype ExpectedCase: RawRepresentable<UInt32>
  var optional_expected_last_event_id_case: ExpectedCase { get set }
}

/// The number of the field `expected_last_event_id`.
private let expectedLastEventIDNumber: UInt32 = 6

/// A request that hands something to a machine's processor.
protocol ArgumentsShape: CRepresentable where CMessage: ArgumentsFields {
  var machineID: MachineID { get }
  var args: [UInt8] { get }
  var historyRange: HistoryRange? { get }
  var idempotencyKey: String? { get }
  var expectedLastEventID: Int64? { get }
  init(
    machineID: MachineID, args: [UInt8], historyRange: HistoryRange?, idempotencyKey: String?,
    expectedLastEventID: Int64?)
}

extension ArgumentsShape {
  init(_ message: CMessage) throws(ProtobufError) { try self.init(arguments: message) }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    fillArguments(&message, in: &arena)
  }

  init(arguments message: CMessage) throws(ProtobufError) {
    self.init(
      machineID: try message.machineID(), args: message.args.bytes,
      historyRange: try HistoryRange.read(message.history_range, "history_range"),
      idempotencyKey: try message.idempotency_key.idempotencyKey(),
      expectedLastEventID: try Self.expectedLastEventID(message))
  }

  private static func expectedLastEventID(_ message: CMessage) throws(ProtobufError) -> Int64? {
    guard
      message.optional_expected_last_event_id_case.rawValue == expectedLastEventIDNumber
    else { return nil }
    guard message.expected_last_event_id >= 0 else {
      throw .invalid("expected_last_event_id", "must not be negative")
    }
    return message.expected_last_event_id
  }

  func fillArguments(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.args = arena.refer(to: args)
    message.history_range = arena.make(historyRange)
    message.idempotency_key = arena.make(idempotencyKey ?? "")
    if let expectedLastEventID,
      let isSet = CMessage.ExpectedCase(rawValue: expectedLastEventIDNumber)
    {
      message.optional_expected_last_event_id_case = isSet
      message.expected_last_event_id = expectedLastEventID
    }
  }
}

/// Fields of a request that starts its machine if need be.
protocol StartingFields: ArgumentsFields {
  var start_args: ProtobufCBinaryData { get set }
}

/// A request that hands something to a machine's processor, and starts the machine if need be.
protocol StartingShape: ArgumentsShape where CMessage: StartingFields {
  var startArgs: [UInt8] { get set }
}

extension StartingShape {
  init(_ message: CMessage) throws(ProtobufError) {
    try self.init(arguments: message)
    startArgs = message.start_args.bytes
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    fillArguments(&message, in: &arena)
    message.start_args = arena.refer(to: startArgs)
  }
}

/// Fields of a request about something of a machine that has a number.
protocol NumberedFields: MachineFields {
  var number: Int64 { get set }
}

/// A request about something of a machine that has a number.
protocol NumberedShape: CRepresentable where CMessage: NumberedFields {
  var machineID: MachineID { get }
  var number: Int64 { get }
  init(machineID: MachineID, number: Int64)
}

extension NumberedShape {
  init(_ message: CMessage) throws(ProtobufError) {
    if message.number < 0 { throw .invalid("number", "must not be negative") }
    self.init(machineID: try message.machineID(), number: message.number)
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.number = number
  }
}
