import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct TimeTests {
  private func timer(seconds: Int64, nanos: Int32) -> [UInt8] {
    let time =
      Wire.varint(1, UInt64(bitPattern: seconds)) + Wire.varint(2, UInt64(bitPattern: Int64(nanos)))
    return Wire.bytes(2, Wire.bytes(1, Wire.bytes(1, time)))
  }

  private func timeout(seconds: Int64, nanos: Int32) -> [UInt8] {
    let time =
      Wire.varint(1, UInt64(bitPattern: seconds)) + Wire.varint(2, UInt64(bitPattern: Int64(nanos)))
    return Wire.bytes(2, Wire.bytes(1, Wire.bytes(2, time)))
  }

  private func when(_ bytes: [UInt8]) throws -> TimerSetting.When? {
    guard case .set(let setting) = try ProcessSignalResponse(decoding: bytes).answer.action.timer
    else { return nil }
    return setting.when
  }

  @Test("Nanoseconds are cut to microseconds, before 1970 too")
  func narrowing() throws {
    #expect(
      try when(timer(seconds: 1, nanos: 1_999)) == .deadline(Timestamp(microseconds: 1_000_001)))
    #expect(
      try when(timer(seconds: -1, nanos: 999_999_999)) == .deadline(Timestamp(microseconds: -1)))
    #expect(try when(timeout(seconds: 0, nanos: 999)) == .timeout(microseconds: 0))
  }

  @Test("The years 0001 and 9999 are times, what lies beyond is refused")
  func yearRange() throws {
    #expect(try when(timer(seconds: -62_135_596_800, nanos: 0)) == .deadline(.earliest))
    #expect(try when(timer(seconds: 253_402_300_799, nanos: 999_999_999)) == .deadline(.latest))
    for seconds in [-62_135_596_801, 253_402_300_800, Int64.min, Int64.max] {
      #expect(
        throws: ProtobufError.invalid(
          path: "action.set_timer.deadline.seconds", problem: "must lie in the years 0001 to 9999")
      ) { try when(timer(seconds: seconds, nanos: 0)) }
    }
  }

  @Test(
    "Nanos that are negative or a second are no time", arguments: [-1, 1_000_000_000, Int32.min])
  func nanosRange(nanos: Int32) {
    #expect(
      throws: ProtobufError.invalid(
        path: "action.set_timer.deadline.nanos", problem: "must be 0 to 999,999,999")
    ) { try when(timer(seconds: 0, nanos: nanos)) }
  }

  @Test("A timeout must not be negative, nor mix its signs, nor exceed 10,000 years")
  func durations() throws {
    #expect(
      try when(timeout(seconds: 315_576_000_000, nanos: 0))
        == .timeout(microseconds: 315_576_000_000_000_000))
    let path = "action.set_timer.timeout"
    #expect(throws: ProtobufError.invalid(path: path, problem: "must not be negative")) {
      try when(timeout(seconds: -1, nanos: 0))
    }
    #expect(
      throws: ProtobufError.invalid(path: path + ".nanos", problem: "must have the sign of seconds")
    ) { try when(timeout(seconds: 1, nanos: -1)) }
    #expect(
      throws: ProtobufError.invalid(
        path: path + ".seconds", problem: "must be within 315,576,000,000 of 0")
    ) { try when(timeout(seconds: 315_576_000_001, nanos: 0)) }
  }

  @Test("Every microsecond around the epoch survives", arguments: -3...3)
  func aroundTheEpoch(microseconds: Int) throws {
    let answer = ProcessorAnswer(
      action: Action(
        timer: .set(
          TimerSetting(when: .deadline(Timestamp(microseconds: Int64(microseconds) * 500_000 + 1))))
      ))
    let message = ProcessSignalResponse(answer: answer)
    #expect(try ProcessSignalResponse(decoding: message.encoded()) == message)
  }
}
