import EmbeddedPostgreSQL
import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("A node")
struct NodeTests {
  @Test("after a stop and a start on the same database everything is there, timers fire")
  func restart() async throws {
    let behaviour: ProcessorScript.Behaviour = { asked throws(RPCStatus) in
      var answer = try ProcessorScript.record(asked)
      if case .call = asked.stimulus {
        answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 300_000)))
      }
      return answer
    }
    try await NodeFixture.with(behaviour) { first in
      try await first.start("a", "one")
      _ = try await first.automaton(
        "Call", CallRequest(machineID: first.id("a"), args: Array("two".utf8)),
        as: CallResponse.self)
      await first.node.stop()
      let second = try await NodeFixture.start(
        database: first.database, namespaces: [], first.script, first.processor)
      let machine = try await second.machine("a") { $0.lastEventID == 3 }
      #expect(machine.history.map(\.id) == [1, 2, 3])
      #expect(try await second.events("a") == ["one", "two", "timeout"])
      await second.stop()
    }
  }

  @Test("a call that runs when the node stops gets its answer")
  func drains() async throws {
    try await NodeFixture.with { node in
      try await node.start("a")
      var asked = node.script.asked.makeAsyncIterator()
      _ = await asked.next()
      node.script.hold()
      async let answer = node.automaton(
        "Call", CallRequest(machineID: node.id("a"), args: [7]), as: CallResponse.self)
      _ = await asked.next()
      async let stopped: Void = node.node.stop()
      node.script.release()
      #expect(try await answer.response == [7])
      await stopped
    }
  }

  @Test("health is SERVING for the server and each service, unknown services are NOT_FOUND")
  func health() async throws {
    try await NodeFixture.with { node in
      for service in [""] + Backend.services {
        let response = try await node.call(
          "/grpc.health.v1.Health/Check", HealthCheckRequest(service: service),
          as: HealthCheckResponse.self)
        #expect(response.status == .serving)
      }
      let list = try await node.call(
        "/grpc.health.v1.Health/List", HealthListRequest(), as: HealthListResponse.self)
      #expect(Set(list.statuses.keys.map(\.text)) == Set([""] + Backend.services))
      _ = try await expectFailure(.notFound, nil) {
        try await node.call(
          "/grpc.health.v1.Health/Check", HealthCheckRequest(service: "none"),
          as: HealthCheckResponse.self)
      }
    }
  }

  @Test("namespaces are created, shown and listed; what exists is ALREADY_EXISTS")
  func namespaces() async throws {
    try await NodeFixture.with { node in
      let namespace = Namespace(
        name: "payments", processor: ProcessorOptions(endpoint: "127.0.0.1:1", timeout: 5_000_000),
        retryPolicy: RetryPolicy(maxAttempts: 0))
      let create = CreateNamespaceRequest(namespace: namespace)
      let created = try await node.call(
        "/progressor.v1.Namespaces/Create", create, as: CreateNamespaceResponse.self)
      var expected = namespace
      expected.version = 1
      #expect(created.namespace == expected)
      let got = try await node.call(
        "/progressor.v1.Namespaces/Get", GetNamespaceRequest(name: "payments"),
        as: GetNamespaceResponse.self)
      #expect(got.namespace == expected)
      let listed = try await node.call(
        "/progressor.v1.Namespaces/List", ListNamespacesRequest(), as: ListNamespacesResponse.self)
      #expect(listed.namespaces.map(\.name) == ["orders", "payments"])
      _ = try await expectFailure(.alreadyExists, "NAMESPACE_ALREADY_EXISTS") {
        try await node.call(
          "/progressor.v1.Namespaces/Create", create, as: CreateNamespaceResponse.self)
      }
      var changed = expected
      changed.processor.maxInFlight = 7
      let updated = try await node.call(
        "/progressor.v1.Namespaces/Update", UpdateNamespaceRequest(namespace: changed),
        as: UpdateNamespaceResponse.self)
      changed.version = 2
      #expect(updated.namespace == changed)
      _ = try await expectFailure(.aborted, "NAMESPACE_VERSION_MISMATCH") {
        try await node.call(
          "/progressor.v1.Namespaces/Update", UpdateNamespaceRequest(namespace: expected),
          as: UpdateNamespaceResponse.self)
      }
      _ = try await node.call(
        "/progressor.v1.Namespaces/Delete", DeleteNamespaceRequest(name: "payments"),
        as: DeleteNamespaceResponse.self)
      _ = try await expectFailure(.notFound, "NAMESPACE_NOT_FOUND") {
        try await node.call(
          "/progressor.v1.Namespaces/Delete", DeleteNamespaceRequest(name: "payments"),
          as: DeleteNamespaceResponse.self)
      }
    }
  }

  @Test("an address in use is refused with what to do, and nothing runs then")
  func addressInUse() async throws {
    try await NodeFixture.with { node in
      let database = try await TemporaryServer.shared().createDatabase()
      let configuration = try NodeConfiguration(
        flags: ["database.url": [database], "listen": ["\(node.address)"]])
      let second = Node(configuration: configuration, logger: NodeFixture.quiet)
      let failure = try #require(
        await #expect(throws: NodeFailure.self) { try await second.start() })
      #expect(failure.kind == .addressInUse)
      #expect(failure.description.contains("\(node.address)"))
      #expect(failure.description.contains("--listen"))
    }
  }

  @Test("a database that is not there is waited for as long as asked, then refused")
  func unreachable() async throws {
    let configuration = try NodeConfiguration(
      flags: ["database.url": ["host=/nonexistent dbname=x password=s3cret"]],
      environment: ["PROGRESSOR_START_TIMEOUT": "0s"])
    let node = Node(configuration: configuration, logger: NodeFixture.quiet)
    let failure = try #require(await #expect(throws: NodeFailure.self) { try await node.start() })
    #expect(failure.kind == .databaseUnavailable)
    #expect(!failure.description.contains("s3cret"))
  }

  @Test("a text that is no database URL is a configuration error")
  func badURL() async throws {
    let configuration = try NodeConfiguration(flags: ["database.url": ["mysql://x:s3cret@h/d"]])
    let node = Node(configuration: configuration, logger: NodeFixture.quiet)
    let failure = try #require(await #expect(throws: NodeFailure.self) { try await node.start() })
    #expect(failure.kind == .configuration)
    #expect(failure.description.hasPrefix("--database-url: "))
    #expect(!failure.description.contains("s3cret"))
  }
}
