import MachineModel
import Testing

@testable import ProgressorProto

@Suite("Repair jobs on the wire") struct RepairJobTests {
  private static let full = RepairJobSpec(
    namespace: "n", failedSince: Timestamp(microseconds: 1),
    failedUntil: Timestamp(microseconds: 2_000_000), idPrefix: "p", failureContains: "ü",
    method: .processor(args: [0, 255]), rate: 7, dryRun: true, reason: "r", requestedBy: "ann")

  private static let since = Wire.bytes(2, Wire.varint(1, 5))
  private static let least =
    Wire.text(1, "n") + since + Wire.bytes(6, []) + Wire.text(10, "r")

  private func refuses(
    _ path: String, _ problem: String, _ spec: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: ProtobufError.invalid(path: path, problem: problem), sourceLocation: sourceLocation
    ) { try CreateRepairJobRequest(decoding: Wire.bytes(2, spec)) }
  }

  @Test("Everything that is sent is read back")
  func roundTrips() throws {
    var simple = Self.full
    simple.method = .simple
    simple.failedUntil = nil
    let job = RepairJob(
      id: "j", spec: Self.full, state: .cancelled, createdAt: Timestamp(microseconds: 3),
      finishedAt: Timestamp(microseconds: 4), matched: 5, remaining: 6, failed: 7, repaired: 8)
    let failure = RepairJobFailure(
      machine: "m", code: 10, reason: "R", message: "ü", at: Timestamp(microseconds: 9))
    let machine = RepairJobMachine(
      machine: "m", failedAt: Timestamp(microseconds: 9), failureReason: "ü")
    try expectRoundTrip(CreateRepairJobRequest(id: "j", spec: Self.full))
    try expectRoundTrip(CreateRepairJobRequest(spec: simple))
    try expectRoundTrip(CreateRepairJobResponse(job: job))
    try expectRoundTrip(GetRepairJobRequest(id: "j"))
    try expectRoundTrip(
      GetRepairJobResponse(job: RepairJob(id: "j", spec: simple, createdAt: .earliest)))
    try expectRoundTrip(CancelRepairJobRequest(id: "j"))
    try expectRoundTrip(CancelRepairJobResponse(job: job))
    try expectRoundTrip(ListRepairJobsRequest(namespace: "n", pageSize: 5, pageToken: "t"))
    try expectRoundTrip(ListRepairJobsRequest())
    try expectRoundTrip(ListRepairJobsResponse(jobs: [job, job], nextPageToken: "t"))
    try expectRoundTrip(ListRepairJobFailuresRequest(id: "j", pageSize: 5, pageToken: "t"))
    try expectRoundTrip(ListRepairJobFailuresResponse(failures: [failure], nextPageToken: "t"))
    try expectRoundTrip(ListRepairJobRemainingRequest(id: "j", pageSize: 5, pageToken: "t"))
    try expectRoundTrip(ListRepairJobRemainingResponse(machines: [machine], nextPageToken: "t"))
  }

  private func expectRoundTrip<Message: ProtobufMessage>(
    _ message: Message, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(
      try Message(decoding: message.encoded()) == message, sourceLocation: sourceLocation)
  }

  @Test("The least spec is namespace, time, method and reason; each of them must be there")
  func least() throws {
    let request = try CreateRepairJobRequest(decoding: Wire.bytes(2, Self.least))
    #expect(request.id == nil)
    #expect(
      request.spec
        == RepairJobSpec(
          namespace: "n", failedSince: Timestamp(microseconds: 5_000_000), reason: "r"))
    refuses("spec.namespace", "must not be empty", Self.since + Wire.bytes(6, []))
    refuses("spec.failed_since", "must be set", Wire.text(1, "n") + Wire.bytes(6, []))
    refuses(
      "spec.method", "must be set: simple or processor",
      Wire.text(1, "n") + Self.since + Wire.text(10, "r"))
    refuses(
      "spec.reason", "must not be empty: say why",
      Wire.text(1, "n") + Self.since
        + Wire.bytes(6, []))
  }

  @Test("A value that cannot be is refused with the name of its field")
  func mistakes() {
    refuses("spec.rate", "must be 0 to 10000", Self.least + Wire.varint(8, 10_001))
    refuses(
      "spec.failed_until", "must not be before failed_since",
      Self.least + Wire.bytes(3, Wire.varint(1, 4)))
    refuses(
      "spec.processor.args", "is longer than 16384 bytes",
      Self.least + Wire.bytes(7, Wire.bytes(1, [UInt8](repeating: 0, count: 16_385))))
    refuses(
      "spec.requested_by", "is longer than 256 bytes",
      Self.least + Wire.text(11, String(repeating: "x", count: 257)))
    #expect(
      throws: ProtobufError.invalid(path: "page_size", problem: "must not be negative")
    ) { try ListRepairJobsRequest(decoding: ListRepairJobsRequest(pageSize: -1).encoded()) }
  }
}
