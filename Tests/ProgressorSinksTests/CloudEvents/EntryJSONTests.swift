import MachineModel
import Testing

@testable import ProgressorSinks

/// What is expected was written by Python's `google.protobuf.json_format` from the contract; only
/// that what steers a text is escaped, and letters are not, is ours.
@Suite("An entry in protobuf's JSON form")
struct EntryJSONTests {
  private func json(_ entry: FeedEntry) -> String {
    String(decoding: EntryJSON.bytes(entry), as: UTF8.self)
  }

  private let head =
    #"{"shard":3,"sequence":"17","namespace":"orders","machineId":"o-1","#
    + #""createdAt":"2026-11-24T22:46:03.250Z","#

  @Test("a start is an empty message")
  func created() {
    #expect(json(Sample.entry()) == head + #""created":{}}"#)
  }

  @Test("shard 0 is left out; names are the ones of the machine, whatever is in them")
  func removed() {
    let entry = Sample.entry(
      17, .removed, shard: 0, namespace: "a/b \"\\ é", machine: Sample.hostile)
    #expect(
      json(entry)
        == #"{"sequence":"17","namespace":"a/b \"\\ é","#
        + #""machineId":"q\"\\\u2028\u202e😀\udb40\udc41\u0085/é","#
        + #""createdAt":"2026-11-24T22:46:03.250Z","removed":{}}"#)
  }

  @Test("numbers of 64 bits are texts, bytes are padded base64")
  func event() {
    let event = Event(
      id: 2, createdAt: Sample.time.advanced(byMicroseconds: 1),
      body: Content(formatVersion: -7, data: [0, 255, 254, 62, 63]))
    #expect(
      json(Sample.entry(9_007_199_254_740_993, .event(event)))
        == #"{"shard":3,"sequence":"9007199254740993","namespace":"orders","machineId":"o-1","#
        + #""createdAt":"2026-11-24T22:46:03.250Z","event":{"id":"2","#
        + #""createdAt":"2026-11-24T22:46:03.250001Z","#
        + #""body":{"formatVersion":-7,"data":"AP/+Pj8="}}}"#)
  }

  @Test("an event without data has an empty body")
  func emptyEvent() {
    let epoch = Timestamp(microseconds: 0)
    let event = Event(id: 1, createdAt: epoch, body: Content(data: []))
    #expect(
      json(Sample.entry(1, .event(event), at: epoch))
        == #"{"shard":3,"sequence":"1","namespace":"orders","machineId":"o-1","#
        + #""createdAt":"1970-01-01T00:00:00Z","#
        + #""event":{"id":"1","createdAt":"1970-01-01T00:00:00Z","body":{}}}"#)
  }

  @Test("a machine that works again has an empty status")
  func works() {
    #expect(
      json(Sample.entry(17, .statusChanged(nil)))
        == head + #""statusChanged":{"status":{"working":{}}}}"#)
  }

  @Test("a failure has everything that is known of it")
  func failed() {
    let failure = Failure(
      reason: "no\nmoney \"€\"", failedAt: Timestamp(microseconds: -1), stepKind: .timeout,
      code: 13, attempts: 2, step: "t-1", principal: "alice")
    #expect(
      json(Sample.entry(17, .statusChanged(failure)))
        == head + #""statusChanged":{"status":{"failed":{"reason":"no\nmoney \"€\"","#
        + #""failedAt":"1969-12-31T23:59:59.999999Z","stepKind":"STEP_KIND_TIMEOUT","code":13,"#
        + #""attempts":2,"step":"t-1","principal":"alice"}}}}"#)
  }

  @Test("of a failure of which nothing is known only the time and the step are there")
  func bareFailure() {
    let failure = Failure(
      reason: "", failedAt: .earliest, stepKind: .retryMessage, code: 0, attempts: 0)
    #expect(
      json(Sample.entry(17, .statusChanged(failure)))
        == head + #""statusChanged":{"status":{"failed":{"failedAt":"0001-01-01T00:00:00Z","#
        + #""stepKind":"STEP_KIND_RETRY_MESSAGE"}}}}"#)
  }
}
