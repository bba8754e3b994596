import CProgressorProto
import MachineModel

extension OutgoingMessage: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__OutgoingMessage>?) -> Void {
    progressor__v1__outgoing_message__init
  }

  init(_ message: Progressor__V1__OutgoingMessage) throws(ProtobufError) {
    let namespace =
      message.namespace_.len == 0 ? "" : try message.namespace_.identifier("namespace")
    let name = try message.name.optionalText("name")
    if message.name.len > Self.maximumNameBytes {
      throw .invalid("name", "is longer than \(Self.maximumNameBytes) bytes")
    }
    self.init(
      target: MachineID(namespace: namespace, id: try message.id.identifier("id")),
      kind: try Self.kind(message), when: try Self.when(message), name: name,
      reportsFailure: message.report_failure != 0)
  }

  private static func kind(_ message: Progressor__V1__OutgoingMessage) throws(ProtobufError) -> Kind
  {
    switch message.kind_case {
    case PROGRESSOR__V1__OUTGOING_MESSAGE__KIND_START:
      let start = try StartMessage.require(message.start, "start")
      return .start(args: start.args, ignoresExisting: start.ignoresExisting)
    case PROGRESSOR__V1__OUTGOING_MESSAGE__KIND_NOTIFY:
      return .notify(args: try NotifyMessage.require(message.notify, "notify").args)
    default: throw .invalid("kind", "must be set")
    }
  }

  private static func when(_ message: Progressor__V1__OutgoingMessage) throws(ProtobufError) -> When
  {
    switch message.when_case {
    case PROGRESSOR__V1__OUTGOING_MESSAGE__WHEN_DELIVER_AT:
      .at(try Timestamp.require(message.deliver_at, "deliver_at"))
    case PROGRESSOR__V1__OUTGOING_MESSAGE__WHEN_DELAY:
      .delay(
        microseconds: try ProtobufDuration.read(message.delay, "delay", atLeast: 0) ?? 0)
    default: .atOnce
    }
  }

  func fill(_ message: inout Progressor__V1__OutgoingMessage, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(target.namespace)
    message.id = arena.make(target.id)
    message.name = arena.make(name ?? "")
    message.report_failure = reportsFailure ? 1 : 0
    switch kind {
    case .start(let args, let ignoresExisting):
      message.kind_case = PROGRESSOR__V1__OUTGOING_MESSAGE__KIND_START
      message.start = arena.make(StartMessage(args: args, ignoresExisting: ignoresExisting))
    case .notify(let args):
      message.kind_case = PROGRESSOR__V1__OUTGOING_MESSAGE__KIND_NOTIFY
      message.notify = arena.make(NotifyMessage(args: args))
    }
    switch when {
    case .atOnce: break
    case .at(let time):
      message.when_case = PROGRESSOR__V1__OUTGOING_MESSAGE__WHEN_DELIVER_AT
      message.deliver_at = arena.make(time)
    case .delay(let microseconds):
      message.when_case = PROGRESSOR__V1__OUTGOING_MESSAGE__WHEN_DELAY
      message.delay = arena.make(microseconds: microseconds)
    }
  }
}

// The messages of the contract that the model has as cases of `OutgoingMessage`.

/// What a message may carry.
private func checkedArgs(_ args: [UInt8]) throws(ProtobufError) -> [UInt8] {
  if args.count > OutgoingMessage.maximumArgsBytes {
    throw .invalid("args", "are longer than \(OutgoingMessage.maximumArgsBytes) bytes")
  }
  return args
}

struct StartMessage: CRepresentable {
  var args: [UInt8]
  var ignoresExisting: Bool

  init(args: [UInt8], ignoresExisting: Bool) {
    self.args = args
    self.ignoresExisting = ignoresExisting
  }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartMessage>?) -> Void {
    progressor__v1__start_message__init
  }

  init(_ message: Progressor__V1__StartMessage) throws(ProtobufError) {
    args = try checkedArgs(message.args.bytes)
    ignoresExisting = message.ignore_existing != 0
  }

  func fill(_ message: inout Progressor__V1__StartMessage, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
    message.ignore_existing = ignoresExisting ? 1 : 0
  }
}

struct NotifyMessage: CRepresentable {
  var args: [UInt8]

  init(args: [UInt8]) { self.args = args }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__NotifyMessage>?) -> Void {
    progressor__v1__notify_message__init
  }

  init(_ message: Progressor__V1__NotifyMessage) throws(ProtobufError) {
    args = try checkedArgs(message.args.bytes)
  }

  func fill(_ message: inout Progressor__V1__NotifyMessage, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
  }
}

/// The contract's `MachineReference`: a machine's two names.
struct MachineReference: CRepresentable {
  var machineID: MachineID

  init(_ machineID: MachineID) { self.machineID = machineID }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineReference>?) -> Void {
    progressor__v1__machine_reference__init
  }

  init(_ message: Progressor__V1__MachineReference) throws(ProtobufError) {
    machineID = try message.machineID()
  }

  func fill(_ message: inout Progressor__V1__MachineReference, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
  }
}

extension Progressor__V1__MachineReference: MachineFields {}

extension UndeliveredMessage: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__UndeliveredSignal>?) -> Void {
    progressor__v1__undelivered_signal__init
  }

  init(_ message: Progressor__V1__UndeliveredSignal) throws(ProtobufError) {
    self.init(
      target: try message.machineID(), name: try message.name.text("name"), code: message.code,
      reason: try message.reason.text("reason"), args: message.args.bytes)
  }

  func fill(_ message: inout Progressor__V1__UndeliveredSignal, in arena: inout ProtobufArena) {
    message.set(target, in: &arena)
    message.name = arena.make(name)
    message.code = code
    message.reason = arena.make(reason)
    message.args = arena.refer(to: args)
  }
}

extension Progressor__V1__UndeliveredSignal: MachineFields {}
