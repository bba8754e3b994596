import HTTP2
import Testing

@testable import GRPC

@Suite("The fields of a status")
struct AnswerFieldsTests {
  @Test(
    "are no more than the client takes, and the code is always told",
    arguments: ["m", "%", "ы"], [0, 300, 500, 1_000, 8_192, 16_384, 60_000, Int.max])
  func limit(text: String, limit: Int) throws {
    for count in [0, 10, 1_000, 10_000] {
      let whole = String(repeating: text, count: count)
      var status = RPCStatus(code: .aborted, message: whole, details: [1, 2, 3])
      try status.trailers.append("grpc-retry-pushback-ms", text: "-1")
      let fields = AnswerFields.status(status, limit: limit)
      let byName = Dictionary(
        uniqueKeysWithValues: fields.map { ($0.nameString, $0.valueString) })
      #expect(byName["grpc-status"] == "10")
      #expect(fields.size <= max(limit, 256 + 45) - 256, "beside the head")
      let told = PercentEncoding.decode((byName["grpc-message"] ?? "").utf8)
      #expect(whole.hasPrefix(told) || told.contains("too large"))
      if byName["grpc-status-details-bin"] != nil { #expect(told == whole) }
      if limit >= 500, !told.contains("too large") {
        #expect(byName["grpc-retry-pushback-ms"] == "-1")
        #expect(told.isEmpty == whole.isEmpty)
      }
    }
  }
}
