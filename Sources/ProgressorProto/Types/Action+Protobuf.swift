import CProgressorProto
import MachineModel

extension Action: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Action>?) -> Void {
    progressor__v1__action__init
  }

  init(_ message: Progressor__V1__Action) throws(ProtobufError) {
    self.init(
      remove: message.remove != 0, fail: try FailAction.read(message.fail, "fail")?.reason)
    switch message.timer_case {
    case PROGRESSOR__V1__ACTION__TIMER_SET_TIMER:
      timer = .set(try TimerSetting.require(message.set_timer, "set_timer"))
    case PROGRESSOR__V1__ACTION__TIMER_UNSET_TIMER: timer = .unset
    default: break
    }
    send = try OutgoingMessage.readAll(message.send, count: message.n_send, "send")
    cancelMessages = try ProtobufCBinaryData.texts(
      message.cancel_messages, count: message.n_cancel_messages, "cancel_messages")
  }

  func fill(_ message: inout Progressor__V1__Action, in arena: inout ProtobufArena) {
    message.remove = remove ? 1 : 0
    message.send = arena.makeAll(send)
    message.n_send = send.count
    message.cancel_messages = arena.makeAll(cancelMessages)
    message.n_cancel_messages = cancelMessages.count
    message.fail = arena.make(fail.map(FailAction.init(reason:)))
    switch timer {
    case .set(let setting):
      message.timer_case = PROGRESSOR__V1__ACTION__TIMER_SET_TIMER
      message.set_timer = arena.make(setting)
    case .unset:
      message.timer_case = PROGRESSOR__V1__ACTION__TIMER_UNSET_TIMER
      message.unset_timer = arena.make(UnsetTimer())
    case nil: break
    }
  }
}

/// The contract's `Fail`, which the model has as a text.
struct FailAction: CRepresentable {
  var reason: String

  init(reason: String) { self.reason = reason }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__Fail>?) -> Void {
    progressor__v1__fail__init
  }

  init(_ message: Progressor__V1__Fail) throws(ProtobufError) {
    reason = try message.reason.text("reason").fitToKeep(utf8Bytes: Failure.maximumReasonBytes)
  }

  func fill(_ message: inout Progressor__V1__Fail, in arena: inout ProtobufArena) {
    message.reason = arena.make(reason)
  }
}

/// The contract's empty `UnsetTimer`, which the model has as a case of `TimerAction`.
struct UnsetTimer: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__UnsetTimer>?) -> Void {
    progressor__v1__unset_timer__init
  }

  init() {}
  init(_ message: Progressor__V1__UnsetTimer) throws(ProtobufError) {}
  func fill(_ message: inout Progressor__V1__UnsetTimer, in arena: inout ProtobufArena) {}
}

extension TimerSetting: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SetTimer>?) -> Void {
    progressor__v1__set_timer__init
  }

  init(_ message: Progressor__V1__SetTimer) throws(ProtobufError) {
    let when: When
    switch message.when_case {
    case PROGRESSOR__V1__SET_TIMER__WHEN_DEADLINE:
      when = .deadline(try Timestamp.require(message.deadline, "deadline"))
    case PROGRESSOR__V1__SET_TIMER__WHEN_TIMEOUT:
      let timeout = try ProtobufDuration.read(message.timeout, "timeout", atLeast: 0)
      when = .timeout(microseconds: timeout ?? 0)
    default: throw .invalid("when", "must be set")
    }
    self.init(
      when: when, historyRange: try HistoryRange.read(message.history_range, "history_range"),
      processingTimeout: try ProtobufDuration.read(
        message.processing_timeout, "processing_timeout", atLeast: 1))
  }

  func fill(_ message: inout Progressor__V1__SetTimer, in arena: inout ProtobufArena) {
    switch when {
    case .deadline(let deadline):
      message.when_case = PROGRESSOR__V1__SET_TIMER__WHEN_DEADLINE
      message.deadline = arena.make(deadline)
    case .timeout(let microseconds):
      message.when_case = PROGRESSOR__V1__SET_TIMER__WHEN_TIMEOUT
      message.timeout = arena.make(microseconds: microseconds)
    }
    message.history_range = arena.make(historyRange)
    message.processing_timeout = arena.make(microseconds: processingTimeout)
  }
}
