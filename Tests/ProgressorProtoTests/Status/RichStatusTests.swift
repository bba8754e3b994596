import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct RichStatusTests {
  @Test("An error names its reason, its namespace and its machine")
  func errorInfo() throws {
    let error = ProgressorError.machineNotFound(Samples.machineID)
    let status = RichStatus(
      error, namespace: Samples.machineID.namespace, machineID: Samples.machineID.id)
    let decoded = try RichStatus(decoding: status.encoded())
    #expect(decoded.code == 5)
    #expect(decoded.message == error.message)
    #expect(
      decoded.errorInfos == [
        ErrorInfo(
          reason: "MACHINE_NOT_FOUND", domain: "progressor",
          metadata: ["namespace": "orders", "machine_id": Samples.machineID.id])
      ])
  }

  @Test("What the processor had to say follows, as it came")
  func details() throws {
    let detail = AnyMessage(typeURL: "type.googleapis.com/shop.OutOfStock", value: [1, 2, 3])
    let answer = RichStatus(code: 9, message: "no stock", details: [detail])
    let error = ProgressorError(
      .failedPrecondition, .processorRefused, "no stock", details: answer.encodedDetails)
    let status = RichStatus(error)
    #expect(status.details.count == 2)
    #expect(status.details.last == detail)
    #expect(status.errorInfos.map(\.reason) == ["PROCESSOR_REFUSED"])
  }

  /// What `grpc-message` and `grpc-status-details-bin` take together.
  private func headerBytes(_ status: RichStatus) -> Int {
    let plain = status.message.utf8.count { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: "%") }
    return (4 * status.encoded().count + 2) / 3 + 3 * status.message.utf8.count - 2 * plain
  }

  @Test(
    "A status is small enough for a header, whatever the processor says, and no smaller than that",
    arguments: [("t", 3_000), ("ы", 1_500), ("%", 1_500)], [0, 2_000, 5_000])
  func bounded(text: (String, expected: Int), detail: Int) {
    let large = AnyMessage(typeURL: "a/b", value: [UInt8](repeating: 1, count: detail))
    let small = AnyMessage(typeURL: "a/c", value: [1])
    let error = ProgressorError(
      .aborted, .repairFailed, String(repeating: text.0, count: 5_000),
      details: [large.encoded(), [0xFF], small.encoded()])
    let status = RichStatus(error, namespace: "orders", machineID: "a")
    #expect(headerBytes(status) <= 8_192 - 512)
    #expect(headerBytes(status) > 8_192 - 540 || status.message.utf8.count > 4_090)
    let kept = status.details.dropFirst().map(\.typeURL)
    #expect(kept == (detail > 4_000 ? ["a/c"] : ["a/b", "a/c"]))
    #expect(status.message.utf8.count >= (detail == 2_000 ? 1_000 : text.expected))
  }

  @Test("A short message is what it is")
  func short() {
    let status = RichStatus(ProgressorError(.aborted, .repairFailed, "no stock"))
    #expect(status.message == "no stock")
  }

  @Test("Details of other types and broken ones are no ErrorInfos")
  func foreignDetails() {
    let info = ErrorInfo(reason: "R", domain: "d")
    let status = RichStatus(
      code: 9, message: "",
      details: [
        AnyMessage(typeURL: "a/google.rpc.RetryInfo", value: info.encoded()),
        AnyMessage(typeURL: ErrorInfo.typeURL, value: [0xFF]),
        AnyMessage(typeURL: ErrorInfo.typeURL, value: info.encoded()),
      ])
    #expect(status.errorInfos == [info])
  }
}
