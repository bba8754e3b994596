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

  private func failure(
    _ code: StatusCode, _ reason: Reason? = nil, local: LocalReason?, seen: Bool = true,
    _ repeatability: Repeatability = .once
  ) throws -> ClientFailure {
    var failure = try failure(code, reason)
    failure.localReason = local
    failure.seen = seen
    failure.repeatability = repeatability
    failure.timeout = 1_500_000
    return failure
  }

  @Test("a call goes on to the next server only where that does no harm")
  func nextServer() throws {
    let unreachable = try failure(.unavailable, local: .unreachable, seen: false)
    #expect(unreachable.allowsNextServer)
    let lost = try failure(.unavailable, local: .connectionLost)
    #expect(!lost.allowsNextServer)
    for repeatability in [Repeatability.read, .keyed] {
      #expect(try failure(.unavailable, local: .connectionLost, repeatability).allowsNextServer)
      #expect(
        try failure(.unavailable, .storageUnavailable, local: nil, repeatability).allowsNextServer)
      #expect(
        try !failure(.unavailable, .namespacePaused, local: nil, repeatability).allowsNextServer)
      #expect(try !failure(.deadlineExceeded, local: .deadline, repeatability).allowsNextServer)
      #expect(try !failure(.notFound, .machineNotFound, local: nil, repeatability).allowsNextServer)
    }
    #expect(try !failure(.unavailable, .storageUnavailable, local: nil).allowsNextServer)
  }

  @Test("who is not the owner and did nothing is passed over, also by what is not repeatable")
  func notOwner() throws {
    for repeatability in [Repeatability.read, .keyed, .once] {
      var failure = try failure(.unavailable, .notOwner, local: nil, repeatability)
      #expect(failure.allowsNextServer == (repeatability != .once))
      failure = try notOwner(happened: "nothing", repeatability)
      #expect(failure.allowsNextServer && !failure.leavesOutcomeOpen)
    }
    #expect(try !notOwner(happened: "unknown", .once).allowsNextServer)
    #expect(
      try !notOwner(happened: "nothing", .once, reason: .storageUnavailable).allowsNextServer)
  }

  private func notOwner(
    happened: String, _ repeatability: Repeatability, reason: Reason = .notOwner
  ) throws -> ClientFailure {
    let info = ErrorInfo(
      reason: reason.rawValue, domain: ErrorInfo.progressorDomain,
      metadata: ["happened": happened])
    let details = RichStatus(
      code: 14, message: "text",
      details: [AnyMessage(typeURL: ErrorInfo.typeURL, value: info.encoded())]
    ).encoded()
    var failure = ClientFailure(
      status: RPCStatus(code: .unavailable, message: "text", details: details),
      server: try ChannelTarget("127.0.0.1:7070"))
    failure.repeatability = repeatability
    return failure
  }

  @Test(
    "--key is spoken of where the command has it",
    arguments: [Reason.storageUnavailable, .notOwner, .overloaded])
  func keys(reason: Reason) throws {
    var failure = try failure(.unavailable, reason)
    #expect(try #require(failure.advice) == "Try again in a moment.")
    failure.takesKey = true
    #expect(try #require(failure.advice).contains("--key"))
    var lost = try self.failure(.unavailable, local: .connectionLost)
    #expect(try !#require(lost.advice).contains("--key"))
    lost.takesKey = true
    #expect(try #require(lost.advice).contains("--key"))
  }

  @Test(
    "where a TLS handshake was answered nobody is asked whether a server runs",
    arguments: [
      ("the peer demands a certificate", "--tls-certificate"),
      ("certificate verify failed", "--tls-ca"),
      ("the peer's certificate has not the DNS name a", "--tls-server-name"),
      ("wrong version number", "answers"),
    ])
  func security(problem: String, advice: String) throws {
    var failure = ClientFailure(
      status: RPCStatus(code: .unavailable, message: "no connection: no TLS: \(problem)"),
      server: try ChannelTarget("127.0.0.1:7070"))
    failure.localReason = .unreachable
    failure.seen = false
    #expect(try #require(failure.advice).contains(advice))
    #expect(try !#require(failure.advice).contains("running"))
  }

  @Test("what a command knows beside an error is a member of the one object")
  func notes() throws {
    let json = try failure(.unavailable, nil).json(note: "machine m of line 1").text()
    #expect(json.contains("\"note\": \"machine m of line 1\""))
    let own = Output.errorJSON("no", reason: "INPUT_INVALID", note: nil).line
    #expect(
      own == #"{"error":{"code":"","reason":"INPUT_INVALID","message":"no","metadata":{}}}"#)
  }

  @Test("methods that read are known by their names, changes by their keys")
  func repeatability() {
    #expect(Repeatability(method: "Get") == .read)
    #expect(Repeatability(method: "ListFailures") == .read)
    for method in ["Start", "Call", "Notify", "Remove", "Delete", "Pause", "Update", "Cancel"] {
      #expect(Repeatability(method: method) == .once)
    }
    #expect(Repeatability(key: nil) == .once)
    #expect(Repeatability(key: "k") == .keyed)
  }

  @Test("a deadline says whose it is, and whether the outcome is open")
  func deadlines() throws {
    let own = try failure(.deadlineExceeded, local: .deadline)
    #expect(own.message.contains("--timeout (1500ms)"))
    #expect(try #require(own.advice).contains("outcome is unknown"))
    let servers = try failure(.deadlineExceeded, .deadlineExceeded, local: nil, .read)
    #expect(servers.message == "text")
    #expect(try #require(servers.advice).contains("--timeout (1500ms)"))
    #expect(try #require(servers.advice).contains("Nothing was changed"))
  }

  @Test(
    "whether the processor runs is asked only if it was not reached",
    arguments: [
      ("no connection: connection refused", "Is the processor running?"),
      ("the namespace has no endpoint", "Is the processor running?"),
      ("no answer within the call's timeout", "--processor-timeout"),
      ("busy", "was reached"),
    ])
  func processor(message: String, advice: String) throws {
    let details = RichStatus(
      ProgressorError(.unavailable, .processorUnavailable, message)
    ).encoded()
    let failure = ClientFailure(
      status: RPCStatus(code: .unavailable, message: message, details: details),
      server: try ChannelTarget("127.0.0.1:7070"))
    #expect(try #require(failure.advice).contains(advice))
  }

  @Test("every server that was tried is named, also in JSON")
  func attempts() throws {
    var failure = try failure(.unavailable, local: .unreachable, seen: false)
    failure.attempts = try ["a:1", "b:2"].map {
      .init(server: try ChannelTarget($0), status: RPCStatus(code: .unavailable, message: "no"))
    }
    #expect(failure.description.contains("\ntried a:1: UNAVAILABLE: no\ntried b:2: UNAVAIL"))
    let json = failure.json.text()
    #expect(json.contains("\"SERVER_UNREACHABLE\"") && json.contains("\"b:2\""))
    #expect(json.contains("\"code\": \"UNAVAILABLE\"") && json.contains("\"metadata\": {}"))
  }

  @Test(
    "each kind of error has its exit code",
    arguments: [
      (StatusCode.notFound, Reason.machineNotFound, Int32(3)),
      (.alreadyExists, .machineAlreadyExists, 4), (.failedPrecondition, .machineFailed, 5),
      (.unavailable, .machinePaused, 5), (.failedPrecondition, .namespaceNotEmpty, 5),
      (.deadlineExceeded, .deadlineExceeded, 6), (.cancelled, .cancelled, 6),
      (.aborted, .startFailed, 7), (.invalidArgument, .invalidArgument, 65),
      (.resourceExhausted, .historyTooLarge, 65), (.unavailable, .storageUnavailable, 69),
      (.internalError, .dataDamaged, 70), (.resourceExhausted, .overloaded, 75),
      (.permissionDenied, .processorRefused, 77), (.unauthenticated, .processorRefused, 77),
    ])
  func exitCodes(code: StatusCode, reason: Reason, expected: Int32) throws {
    #expect(CommandExit.code(try failure(code, reason)) == expected)
  }

  @Test("no code but OK ends with 0, or with what the shell makes of signals")
  func exitCodesOfAllCodes() throws {
    for code in StatusCode.allCases where code != .ok {
      #expect((1..<128).contains(CommandExit.code(try failure(code, nil))))
    }
  }

  @Test(
    "each way not to run has its exit code",
    arguments: [
      (NodeFailure.Kind.configuration, Int32(78)), (.databaseUnavailable, 69),
      (.databaseUnusable, 69),
      (.dataDirectoryInUse, 75), (.dataDirectoryUnusable, 73), (.addressInUse, 75),
      (.addressUnusable, 73), (.stopped, 0),
    ])
  func exitCodesOfServe(kind: NodeFailure.Kind, code: Int32) {
    #expect(Serving.code(kind) == code)
  }
}
