import GRPC
import MachineModel
import ProgressorProto
import ProgressorServer
import Testing

@testable import progressor

@Suite("Failed calls for people")
struct ClientFailureTests {
  private func failure(_ code: StatusCode, _ reason: Reason?) throws -> ClientFailure {
    let details = reason.map { reason in
      RichStatus(ProgressorError(.aborted, reason, "text")).encoded()
    }
    return ClientFailure(
      status: RPCStatus(code: code, message: "text", details: details),
      server: try ChannelTarget("127.0.0.1:7070"))
  }

  @Test("code, reason and text stand in the first line")
  func firstLine() throws {
    let failure = try failure(.notFound, .machineNotFound)
    #expect(failure.description.hasPrefix("NOT_FOUND MACHINE_NOT_FOUND: text\n"))
  }

  @Test("a reason that is the code is not said twice")
  func sameName() throws {
    #expect(
      try failure(.invalidArgument, .invalidArgument).description == "INVALID_ARGUMENT: text")
  }

  @Test(
    "what people can do something about says what",
    arguments: [
      Reason.namespaceNotFound, .namespaceAlreadyExists, .machineNotFound, .machineAlreadyExists,
      .machineFailed, .machineAlreadyWorking, .eventNotFound, .historyTooLarge,
      .processorUnavailable, .storageUnavailable, .storageRefused, .dataDamaged, .notOwner,
      .overloaded, .startFailed,
      .repairFailed, .repairJobNotFound, .repairJobAlreadyExists,
    ])
  func advice(reason: Reason) throws {
    #expect(try failure(.aborted, reason).advice != nil)
  }

  @Test("a server that does not answer is named")
  func noServer() throws {
    #expect(try #require(failure(.unavailable, nil).advice).contains("127.0.0.1:7070"))
  }

  @Test(
    "each way not to run has its exit code",
    arguments: [
      (NodeFailure.Kind.configuration, Int32(78)), (.databaseUnavailable, 69),
      (.databaseUnusable, 69),
      (.dataDirectoryInUse, 75), (.dataDirectoryUnusable, 73), (.addressInUse, 75),
      (.addressUnusable, 73), (.stopped, 0),
    ])
  func exitCodes(kind: NodeFailure.Kind, code: Int32) {
    #expect(Serving.code(kind) == code)
  }
}
