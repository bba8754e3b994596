import MachineModel
import Testing

@testable import ProgressorServer

@Suite("Lines of the log")
struct LogLineTests {
  private let line = LogLine(
    time: Timestamp(microseconds: 1_764_024_000_250_000), level: .warning, label: "progressor",
    message: "a \"b\"\nc", metadata: [("empty", ""), ("key", "value"), ("text", "two words")])

  @Test("a text line is one line, whatever the message and its values hold")
  func text() {
    #expect(
      line.text(.human)
        == #"2025-11-24T22:40:00.250Z warning a \"b\"\nc empty="" key=value text="two words""#)
  }

  @Test("a change of the threshold counts for every logger without a level of its own")
  func threshold() {
    let threshold = LogThreshold(.info)
    let handler = LineLogHandler(
      label: "l", configuration: LogConfiguration(level: .error), threshold: threshold)
    var own = handler
    own.logLevel = .trace
    #expect(handler.logLevel == .info)
    #expect(threshold.change(to: .debug))
    #expect(!threshold.change(to: .debug))
    #expect(handler.logLevel == .debug && own.logLevel == .trace)
    let fixed = LineLogHandler(label: "l", configuration: LogConfiguration(level: .error))
    #expect(fixed.logLevel == .error)
  }

  @Test("a JSON line is an object of strings")
  func json() {
    #expect(
      line.text(.json)
        == #"{"time":"2025-11-24T22:40:00.250Z","level":"warning","logger":"progressor","#
        + #""message":"a \"b\"\nc","empty":"","key":"value","text":"two words"}"#)
  }

  @Test("what would steer a terminal is escaped, in text and in JSON")
  func steering() {
    let hostile = LogLine(
      time: line.time, level: .info, label: "l", message: "a\u{1B}[2Jb",
      metadata: [("key", "\u{9B}31m\u{202E}x\u{85}")])
    let escaped = #"key="\u009b31m\u202ex\u0085""#
    #expect(hostile.text(.human) == #"2025-11-24T22:40:00.250Z info a\u001b[2Jb "# + escaped)
    let json = hostile.text(.json)
    #expect(json.hasSuffix(#","key":"\u009b31m\u202ex\u0085"}"#) && json.contains(#"a\u001b[2Jb"#))
  }
}
