import Foundation
import Testing

@testable import progressor

@Suite("Machines of JSON lines, held against the server's rules")
struct TransferReaderTests {
  private static let time = #""2026-01-01T00:00:00Z""#
  private static let end = #"{"end":{"id":"m"}}"#

  /// Reads a file of these lines to its end.
  private static func read(_ lines: [String]) throws {
    let path = NSTemporaryDirectory() + "progressor-\(UUID().uuidString).jsonl"
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    var reader = try TransferReader(path: path)
    while try reader.next() != nil {}
  }

  private static func head(_ more: String) -> String {
    #"{"machine":{"version":1,"id":"m","createdAt":\#(time)\#(more)}}"#
  }

  @Test("what a server takes is taken")
  func taken() throws {
    let timer =
      #","timer":{"firesAt":\#(Self.time),"historyRange":{"limit":0},"processingTimeout":"1s","#
      + #""metadata":[{"name":"x-a","value":"b"},{"name":"x-b-bin","value":"AP8="}]}"#
    try Self.read([Self.head(timer), Self.end])
    let failed =
      #","failed":{"reason":"\uFFFD","failedAt":\#(Self.time),"stepKind":"STEP_KIND_CALL","#
      + #""code":2}"#
    try Self.read([Self.head(failed), Self.end])
  }

  @Test(
    "what a server refuses of a head is refused, with line and key",
    arguments: [
      (
        #""timer":{"firesAt":TIME,"historyRange":{"limit":-1}}"#, "machine.timer.historyRange.limit"
      ), (#""timer":{"firesAt":TIME,"historyRange":{"after":-1}}"#, "machine.timer.historyRange"),
      (
        #""timer":{"firesAt":TIME,"processingTimeout":"0s"}"#, "machine.timer.processingTimeout"
      ),
      (
        #""timer":{"firesAt":TIME,"metadata":[{"name":"x-a","value":"a\r\nb"}]}"#,
        "machine.timer.metadata[0]"
      ),
      (
        #""timer":{"firesAt":TIME,"metadata":[{"name":"x-b-bin","value":"?"}]}"#,
        "machine.timer.metadata[0].value"
      ),
      (
        #""failed":{"reason":"a\u0000","failedAt":TIME,"stepKind":"STEP_KIND_CALL","code":2}"#,
        "machine.failed.reason"
      ), (#""paused":{"pausedAt":TIME,"reason":"\u0000"}"#, "machine.paused.reason"),
      (
        #""timer":{"firesAt":TIME,"attempts":{"attempt":1,"nextAttemptAt":TIME,"lastMessage":"#
          + #""\u0000"}}"#, "machine.timer.attempts.lastMessage"
      ), (#""lastEventId":-1"#, "machine.lastEventId"),
    ])
  func refused(member: String, place: String) {
    let line = Self.head("," + member.replacing("TIME", with: Self.time))
    let error = #expect(throws: TransferReader.Failure.self) {
      try Self.read(["", line, Self.end])
    }
    #expect(error?.description.hasPrefix("line 2: \(place)") == true, "\(error as Any)")
  }

  @Test("so it is of notifications")
  func notifications() {
    let line =
      #"{"notification":{"acceptedAt":\#(Self.time),"metadata":[{"name":"x-a","value":"\n"}]}}"#
    let ranged = #"{"notification":{"acceptedAt":\#(Self.time),"historyRange":{"limit":-1}}}"#
    for (line, place) in [(line, "metadata[0]"), (ranged, "historyRange.limit")] {
      let error = #expect(throws: TransferReader.Failure.self) {
        try Self.read([Self.head(""), line, Self.end])
      }
      #expect(error?.description.hasPrefix("line 2: notification.\(place)") == true)
    }
  }
}
