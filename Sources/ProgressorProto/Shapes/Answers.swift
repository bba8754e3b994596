// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CProgressorProto
import CProtobufC
import MachineModel

// A shape is what several messages are, field for field. Each of them says which it has, and its
// struct that it has the fields, which have the names that protoc-c gave them.

/// A message without fields.
protocol EmptyShape: CRepresentable {
  init()
}

extension EmptyShape {
  init(_ message: CMessage) throws(ProtobufError) { self.init() }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {}
}

/// The field of what a processor answers to a client.
protocol PayloadFields {
  var response: ProtobufCBinaryData { get set }
}

/// What a client gets of a processor's answer.
protocol PayloadShape: CRepresentable where CMessage: PayloadFields {
  var response: [UInt8] { get }
  init(response: [UInt8])
}

extension PayloadShape {
  init(_ message: CMessage) throws(ProtobufError) { self.init(response: message.response.bytes) }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.response = arena.refer(to: response)
  }
}

/// The field of a notification that is stored.
protocol NotifiedFields {
  var notification_id: ProtobufCBinaryData { get set }
}

/// What a client gets of a notification that is stored.
protocol NotifiedShape: CRepresentable where CMessage: NotifiedFields {
  var notificationID: String { get }
  init(notificationID: String)
}

extension NotifiedShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(notificationID: try message.notification_id.text("notification_id"))
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.notification_id = arena.make(notificationID)
  }
}

/// Fields of what a client asks of a processor.
protocol QuestionFields {
  var args: ProtobufCBinaryData { get set }
  var machine: UnsafeMutablePointer<Progressor__V1__Machine>! { get set }
  var idempotency_key: ProtobufCBinaryData { get set }
}

/// What a client asks of a processor.
protocol QuestionShape: CRepresentable where CMessage: QuestionFields {
  var args: [UInt8] { get }
  var machine: Machine { get }
  var idempotencyKey: String? { get }
  init(args: [UInt8], machine: Machine, idempotencyKey: String?)
}

extension QuestionShape {
  static var budget: DecodingBudget { .machine }

  init(_ message: CMessage) throws(ProtobufError) {
    self.init(
      args: message.args.bytes, machine: try Machine.require(message.machine, "machine"),
      idempotencyKey: try message.idempotency_key.idempotencyKey())
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
    message.machine = arena.make(machine)
    message.idempotency_key = arena.make(idempotencyKey ?? "")
  }
}

/// Fields of what a processor makes of a machine.
protocol ChangeFields {
  var change: UnsafeMutablePointer<Progressor__V1__StateChange>! { get set }
  var action: UnsafeMutablePointer<Progressor__V1__Action>! { get set }
}

extension ChangeFields {
  func answer(response: [UInt8] = []) throws(ProtobufError) -> ProcessorAnswer {
    ProcessorAnswer(
      response: response, change: try StateChange.read(change, "change") ?? StateChange(),
      action: try Action.read(action, "action") ?? Action())
  }

  mutating func set(_ answer: ProcessorAnswer, in arena: inout ProtobufArena) {
    change = arena.make(answer.change)
    action = arena.make(answer.action)
  }
}

/// A processor's answer to a client's question.
protocol AnswerShape: CRepresentable where CMessage: ChangeFields & PayloadFields {
  var answer: ProcessorAnswer { get }
  init(answer: ProcessorAnswer)
}

extension AnswerShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(answer: try message.answer(response: message.response.bytes))
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.response = arena.refer(to: answer.response)
    message.set(answer, in: &arena)
  }
}
