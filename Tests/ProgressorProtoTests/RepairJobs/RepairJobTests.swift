import MachineModel
import Testing

@testable import ProgressorProto

@Suite("Repair jobs on the wire") struct RepairJobTests {
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
