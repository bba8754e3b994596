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

  @Test("A status stays small enough for a header, whatever the processor says")
  func bounded() {
    let large = AnyMessage(typeURL: "a/b", value: [UInt8](repeating: 1, count: 5_000))
    let small = AnyMessage(typeURL: "a/c", value: [1])
    let error = ProgressorError(
      .aborted, .repairFailed, String(repeating: "ы", count: 5_000),
      details: [large.encoded(), [0xFF], small.encoded()])
    let status = RichStatus(error)
    #expect(status.encoded().count <= RichStatus.maximumBytes)
    #expect(status.message.utf8.count <= RichStatus.maximumMessageBytes)
    #expect(status.details.dropFirst() == [small])
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
