import MachineModel
import Testing

@Suite("Plain values")
struct ValueTests {
  @Test("a time stays within what google.protobuf.Timestamp can hold")
  func timestampSaturates() {
    #expect(Timestamp.latest.advanced(byMicroseconds: 1) == .latest)
    #expect(Timestamp.latest.advanced(byMicroseconds: .max) == .latest)
    #expect(Timestamp.earliest.advanced(byMicroseconds: .min) == .earliest)
    #expect(Timestamp(microseconds: 5).advanced(byMicroseconds: -3).microseconds == 2)
  }

  @Test("a failure's reason is cut to 4 KiB at a character boundary")
  func reasonIsCut() {
    let failure = Failure(
      reason: String(repeating: "я", count: 4_000), failedAt: .earliest, stepKind: .call, code: 13,
      attempts: 1)
    #expect(failure.reason.utf8.count == 4_096)
    #expect("aя".prefix(utf8Bytes: 2) == "a")
    #expect("aя".prefix(utf8Bytes: 3) == "aя")
  }

  @Test("of a caller's metadata only traces and x- keys are handed on, within the bound")
  func contextIsFiltered() {
    let entries = [
      ("traceparent", "00-1"), ("authorization", "secret"), ("x-user", "7"), ("x-raw-bin", "AA"),
      ("user-agent", "grpc"), ("tracestate", "a=b"),
    ].map { CallerContext.Entry(name: $0.0, value: $0.1) }
    #expect(
      CallerContext(entries).entries.map(\.name)
        == ["traceparent", "x-user", "x-raw-bin", "tracestate"])

    let large = CallerContext.Entry(name: "x-large", value: String(repeating: "v", count: 5_000))
    #expect(CallerContext([large]).entries.isEmpty)
    // HTTP/2 counts 36 bytes for each of these.
    let small = CallerContext.Entry(name: "x-a", value: "v")
    #expect(CallerContext([CallerContext.Entry](repeating: small, count: 500)).entries.count == 113)
  }

  @Test("an aux state of nothing is no aux state; one of a format version is one")
  func emptyContent() {
    #expect(Content(data: []).isEmpty)
    #expect(!Content(formatVersion: 1, data: []).isEmpty)
    #expect(!Content(data: [0]).isEmpty)
  }
}
