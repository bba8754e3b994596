import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct AnswerValidationTests {
  private func refuses(
    _ path: String, _ problem: String, action: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: ProtobufError.invalid(path: path, problem: problem), sourceLocation: sourceLocation
    ) { try ProcessSignalResponse(decoding: Wire.bytes(2, action)) }
  }

  @Test("A timer must say when")
  func timerWithoutTime() {
    refuses("action.set_timer.when", "must be set", action: Wire.bytes(1, []))
  }

  @Test("A processing timeout must be positive")
  func processingTimeout() {
    let setting = Wire.bytes(2, []) + Wire.bytes(4, [])
    refuses(
      "action.set_timer.processing_timeout", "must be positive", action: Wire.bytes(1, setting))
  }

  @Test("An empty timeout fires at once; that is a timer")
  func emptyTimeout() throws {
    let action = Wire.bytes(2, Wire.bytes(1, Wire.bytes(2, [])))
    let answer = try ProcessSignalResponse(decoding: action).answer
    #expect(answer.action.timer == .set(TimerSetting(when: .timeout(microseconds: 0))))
  }

  @Test("No aux state keeps it, an empty one clears it")
  func auxState() throws {
    #expect(try ProcessCallResponse(decoding: []).answer.change.auxState == nil)
    let cleared = try ProcessCallResponse(decoding: Wire.bytes(2, Wire.bytes(1, []))).answer
    #expect(cleared.change.auxState?.isEmpty == true)
  }

  @Test("A field of one element of a list is named with its index")
  func indices() {
    let event = Wire.bytes(3, Wire.varint(1, 1) + Wire.bytes(2, []))
    let broken = Wire.bytes(3, Wire.varint(1, 2))
    let machine = event + broken
    #expect(
      throws: ProtobufError.invalid(
        path: "machine.history[1].created_at", problem: "must be set")
    ) { try GetResponse(decoding: Wire.bytes(1, machine)) }
  }

  @Test("A signal of a kind that this release does not know is refused")
  func unknownSignal() {
    let request = Wire.bytes(1, Wire.bytes(9, [])) + Wire.bytes(2, [])
    #expect(throws: ProtobufError.invalid(path: "signal.kind", problem: "must be set")) {
      try ProcessSignalRequest(decoding: request)
    }
  }
}
