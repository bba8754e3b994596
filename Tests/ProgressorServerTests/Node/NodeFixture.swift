import EmbeddedPostgreSQL
import GRPC
import Logging
import MachineModel
import NIOCore
import NIOPosix
import ProgressorProto
import Testing

@testable import ProgressorServer

/// A node on a database of its own, a processor and a client, all on loopback.
struct NodeFixture {
  let node: Node
  let address: ServerAddress
  let client: GRPCChannel
  let script: ProcessorScript
  let processor: GRPCServer
  let database: String

  /// The namespace of the processor.
  static let namespace = "orders"

  /// Runs `body` with a node that serves, and stops everything.
  static func with(
    _ behaviour: @escaping ProcessorScript.Behaviour = ProcessorScript.record,
    _ body: (NodeFixture) async throws -> Void
  ) async throws {
    let database = try await TemporaryServer.shared().createDatabase()
    let script = ProcessorScript(behaviour)
    var router = Router()
    script.register(in: &router)
    let processor = GRPCServer(router: router)
    let endpoint = try await processor.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let fixture = try await start(
      database: database, namespaces: ["\(namespace)=\(endpoint)"], script, processor)
    do {
      try await body(fixture)
    } catch {
      Issue.record(error)
    }
    await fixture.stop()
    await processor.stop(grace: .zero)
  }

  /// Starts a node on a database and returns when it serves.
  static func start(
    database: String, namespaces: [String], _ script: ProcessorScript, _ processor: GRPCServer
  ) async throws -> NodeFixture {
    let configuration = try NodeConfiguration(
      flags: [
        "database.url": [database], "listen": ["127.0.0.1:0"], "namespaces": namespaces,
      ], environment: ["PROGRESSOR_THREADS": "2", "PROGRESSOR_DRAIN_TIMEOUT": "5s"])
    let (served, serving) = AsyncStream<[ServerAddress]>.makeStream()
    let node = Node(configuration: configuration, logger: quiet) { serving.yield($0) }
    try await node.start()
    var iterator = served.makeAsyncIterator()
    let address = try #require(await iterator.next()?.first)
    return NodeFixture(
      node: node, address: address,
      client: GRPCChannel(
        target: try ChannelTarget("\(address)"),
        eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: quiet),
      script: script, processor: processor, database: database)
  }

  func stop() async {
    client.closeNow()
    await node.stop()
  }

  static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .error
    return logger
  }()

  func id(_ id: String) -> MachineID {
    MachineID(namespace: NodeFixture.namespace, id: id)
  }

  /// Calls a method of any service.
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: String, _ request: Request, as: Response.Type = Response.self,
    metadata: Metadata = Metadata(), timeout: TimeAmount = .seconds(30)
  ) async throws -> Response {
    let response = try await client.unary(
      path: method, metadata: metadata, message: try #require(request.buffer()),
      deadline: .now() + timeout, waitForReady: true)
    return try Response(decoding: response.message)
  }

  /// Calls a method of Automaton.
  func automaton<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: String, _ request: Request, as: Response.Type = Response.self,
    metadata: Metadata = Metadata(), timeout: TimeAmount = .seconds(30)
  ) async throws -> Response {
    try await call(
      "/progressor.v1.Automaton/\(method)", request, metadata: metadata, timeout: timeout)
  }

  func start(_ id: String, _ args: String = "init") async throws {
    let request = StartRequest(machineID: self.id(id), args: Array(args.utf8))
    _ = try await automaton("Start", request, as: StartResponse.self)
  }

  func get(_ id: String) async throws -> Machine {
    try await automaton("Get", GetRequest(machineID: self.id(id)), as: GetResponse.self).machine
  }

  /// The texts of the events of a machine.
  func events(_ id: String) async throws -> [String] {
    try await get(id).history.map { String(decoding: $0.body.data, as: UTF8.self) }
  }

  /// Waits until `condition` holds of the machine, asking again and again; `Get` is the wait.
  func machine(_ id: String, where condition: (Machine) -> Bool) async throws -> Machine {
    let end = NIODeadline.now() + .seconds(30)
    while NIODeadline.now() < end {
      let machine = try await get(id)
      if condition(machine) { return machine }
    }
    throw RPCStatus(code: .deadlineExceeded, message: "machine \(id) never got there")
  }
}

/// Expects a status with this code and Progressor's reason.
func expectFailure<Result>(
  _ code: StatusCode, _ reason: String?, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Result
) async throws -> RPCStatus {
  let status = try #require(
    await #expect(throws: RPCStatus.self, sourceLocation: sourceLocation) { _ = try await body() })
  #expect(status.code == code, sourceLocation: sourceLocation)
  let rich = try status.details.map { try RichStatus(decoding: $0) }
  #expect(rich?.errorInfos.first?.reason == reason, sourceLocation: sourceLocation)
  return status
}
