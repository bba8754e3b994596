import MachineModel
import Testing

@testable import progressor

@Suite("JSON lines of machines")
struct TransferJSONTests {
  private static let moment = Timestamp(microseconds: 1_700_000_000_123_456)
  private static let retry = RetryState(
    attempt: 2, nextAttemptAt: .latest, lastCode: 14, lastMessage: "\"\u{1}\\é\u{2028}")
  private static let range = HistoryRange(after: 3, limit: 0, direction: .backward)

  private static func read(_ text: String) throws -> JSONTree {
    try JSONReader.read(Array(text.utf8)[...])
  }

  @Test(
    "what is written is read back, byte by byte",
    arguments: [
      MachinePart.head(PortableMachine(id: "e\u{301}", createdAt: .earliest)),
      .head(
        PortableMachine(
          id: "é\u{1F9FE}", createdAt: moment, since: moment,
          failure: Failure(
            reason: "r", failedAt: moment, stepKind: .timeout, code: 13, attempts: 7, step: "t-1",
            principal: "p"), pause: Pause(pausedAt: moment, reason: "\n", principal: "q"),
          auxState: Content(formatVersion: -1, data: [0, 255]),
          timer: PortableTimer(
            firesAt: .earliest, historyRange: range, processingTimeout: 1_500_001,
            metadata: [.init(name: "x-a", value: "\t")], retry: retry), lastEventID: .max,
          queuedNotifications: .max)),
      .events([Event(id: 1, createdAt: moment, body: Content(data: Array("\0\u{7F}é".utf8)))]),
      .events([Event(id: 2, createdAt: .latest, body: Content(formatVersion: 3, data: []))]),
      .notifications([
        PortableNotification(
          acceptedAt: moment, args: Array(0...255), historyRange: range,
          metadata: [.init(name: "x-b", value: "")], retry: retry)
      ]), .end(MachineEnd(id: "m")), .end(MachineEnd(id: "m", discarded: "why")),
    ])
  func roundTrip(part: MachinePart) throws {
    let lines = TransferJSON.lines(part).map(\.line)
    #expect(lines.count == 1 && lines.allSatisfy { !$0.contains("\n") })
    #expect(try lines.map { try TransferJSON.part(try Self.read($0)) } == [part])
  }

  @Test("either form of a payload will do, and both if they are the same")
  func payloads() throws {
    for (body, data) in [
      (#"{"data":"AP8="}"#, [0, 255]), (#"{"data":"AP8"}"#, [0, 255]),
      (#"{"text":"é"}"#, [195, 169]),
      (#"{"text":"é","data":"w6k="}"#, [195, 169]), ("{}", []), ("null", []),
    ] as [(String, [UInt8])] {
      let line = #"{"event":{"id":1,"createdAt":"2026-01-01T00:00:00Z","body":\#(body)}}"#
      guard case .events(let events) = try TransferJSON.part(try Self.read(line)) else { continue }
      #expect(events.map(\.body.data) == [data], "\(body)")
    }
    let both = #"{"text":"a","data":""}"#
    let differ = #"{"event":{"id":1,"createdAt":"2026-01-01T00:00:00Z","body":\#(both)}}"#
    #expect(throws: JSONFields.Failure.self) { try TransferJSON.part(try Self.read(differ)) }
  }

  @Test(
    "what is no JSON is refused",
    arguments: [
      "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "\"\u{1}\"", #""\x""#, #""\u12""#, #""\ud800""#,
      #""\ud800a""#, #""\udc00""#, "tru", "1 2", "+1", "0x1", "nan", "--1", "{\"a\":1,\"a\":2}",
      String(repeating: "[", count: 10_000),
    ])
  func malformed(text: String) {
    #expect(throws: JSONReader.Failure.self) { try Self.read(text) }
  }

  @Test("bytes that are no UTF-8 are refused, and escapes of every kind are read")
  func strings() throws {
    #expect(throws: JSONReader.Failure.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
    #expect(
      try Self.read(#" "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" "#)
        == .string("\"\\/\u{8}\u{C}\n\r\té😀"))
  }
}
