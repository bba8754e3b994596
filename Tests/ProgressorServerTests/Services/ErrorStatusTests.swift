import GRPC
import MachineModel
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Errors as gRPC statuses")
struct ErrorStatusTests {
  private let machine = MachineID(namespace: "orders", id: "17")

  @Test("every reason travels in an ErrorInfo of domain progressor", arguments: Reason.allCases)
  func reasons(reason: Reason) throws {
    let status = RPCStatus(ProgressorError(.aborted, reason, "text"), machine: machine)
    #expect(status.code == .aborted)
    #expect(status.message == "text")
    let rich = try RichStatus(decoding: try #require(status.details))
    #expect(rich.code == StatusCode.aborted.rawValue)
    #expect(rich.message == "text")
    let info = try #require(rich.errorInfos.first)
    #expect(info.reason == reason.rawValue)
    #expect(info.domain == "progressor")
    #expect(info.metadata == ["namespace": "orders", "machine_id": "17"])
  }

  @Test("every code is the same number on both sides", arguments: Code.allCases)
  func codes(code: Code) {
    #expect(RPCStatus(ProgressorError(code, .overloaded, "")).code.rawValue == Int(code.rawValue))
    #expect(Code(StatusCode(code)) == code)
  }

  @Test("overload says when to try again, other errors say nothing")
  func pushback() {
    let overloaded = RPCStatus(ProgressorError.overloaded("full", retryPushback: 250))
    #expect(overloaded.trailers.text("grpc-retry-pushback-ms") == "250")
    #expect(RPCStatus(ProgressorError.notOwner).trailers.isEmpty)
  }

  @Test("what the processor had to say follows our ErrorInfo")
  func details() throws {
    let detail = AnyMessage(typeURL: "type.googleapis.com/x.Y", value: [1, 2, 3])
    let error = ProgressorError(
      .invalidArgument, .processorRefused, "no", details: [detail.encoded()])
    let rich = try RichStatus(
      decoding: try #require(RPCStatus(error, machine: machine).details))
    #expect(rich.details.count == 2)
    #expect(rich.details.last == detail)
    #expect(rich.errorInfos.map(\.reason) == ["PROCESSOR_REFUSED"])
  }

  @Test("what is not known of the machine is left out")
  func noMachine() throws {
    let status = RPCStatus(ProgressorError.invalidArgument(field: "id", "must not be empty"))
    let rich = try RichStatus(decoding: try #require(status.details))
    #expect(try #require(rich.errorInfos.first).metadata.isEmpty)
    let list = RPCStatus(
      ProgressorError.namespaceNotFound("n"), machine: MachineID(namespace: "n", id: ""))
    let info = try RichStatus(decoding: try #require(list.details)).errorInfos.first
    #expect(try #require(info).metadata == ["namespace": "n"])
  }
}
