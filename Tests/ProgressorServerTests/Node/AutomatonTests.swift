import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Automaton over loopback, on a real database")
struct AutomatonTests {
  @Test("a machine is started, called, notified, shown, listed and removed")
  func life() async throws {
    try await NodeFixture.with { node in
      try await node.start("a", "one")
      let response = try await node.automaton(
        "Call", CallRequest(machineID: node.id("a"), args: Array("two".utf8)),
        as: CallResponse.self)
      #expect(response.response == Array("two".utf8))
      let notified = try await node.automaton(
        "Notify", NotifyRequest(machineID: node.id("a"), args: Array("three".utf8)),
        as: NotifyResponse.self)
      #expect(!notified.notificationID.isEmpty)
      let machine = try await node.machine("a") { $0.lastEventID == 3 }
      #expect(machine.history.map(\.id) == [1, 2, 3])
      #expect(try await node.events("a") == ["one", "two", "three"])
      #expect(machine.status == .working(nil))

      let list = ListRequest(namespace: NodeFixture.namespace)
      let listed = try await node.automaton("List", list, as: ListResponse.self)
      #expect(listed.machines.map(\.machineID.id) == ["a"])
      #expect(listed.nextPageToken.isEmpty)

      let remove = RemoveRequest(machineID: node.id("a"))
      _ = try await node.automaton("Remove", remove, as: RemoveResponse.self)
      _ = try await expectFailure(.notFound, "MACHINE_NOT_FOUND") { try await node.get("a") }
    }
  }

  @Test("a timer that the processor sets fires, and the machine then has none")
  func timer() async throws {
    let behaviour: ProcessorScript.Behaviour = { asked throws(RPCStatus) in
      var answer = try ProcessorScript.record(asked)
      if case .signal(.initialize) = asked.stimulus {
        answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 20_000)))
      }
      return answer
    }
    try await NodeFixture.with(behaviour) { node in
      try await node.start("a", "one")
      let machine = try await node.machine("a") { $0.lastEventID == 2 }
      #expect(machine.timer == nil)
      #expect(try await node.events("a") == ["one", "timeout"])
    }
  }

  @Test("List goes through all machines by pages, in order, each once")
  func pages() async throws {
    try await NodeFixture.with { node in
      let ids = (0..<25).map { "m\($0 + 10)" }
      for id in ids.shuffled() { try await node.start(id) }
      var seen: [String] = []
      var token = ""
      repeat {
        let request = ListRequest(
          namespace: NodeFixture.namespace, idPrefix: "m", pageSize: 10, pageToken: token)
        let page = try await node.automaton("List", request, as: ListResponse.self)
        seen += page.machines.map(\.machineID.id)
        token = page.nextPageToken
      } while !token.isEmpty
      #expect(seen == ids)
    }
  }

  @Test("what a client puts into x- metadata reaches the processor, with step, attempt and epoch")
  func metadata() async throws {
    try await NodeFixture.with { node in
      var metadata = Metadata()
      try metadata.append("x-tenant", text: "acme")
      try metadata.append("authorization", text: "secret")
      let request = StartRequest(machineID: node.id("a"))
      _ = try await node.automaton("Start", request, as: StartResponse.self, metadata: metadata)
      var iterator = node.script.asked.makeAsyncIterator()
      let asked = try #require(await iterator.next())
      #expect(asked.metadata.text("x-tenant") == "acme")
      #expect(asked.metadata.text("authorization") == nil)
      #expect(asked.metadata.text("progressor-attempt") == "1")
      #expect(asked.metadata.text("progressor-step")?.isEmpty == false)
      #expect(asked.metadata.text("progressor-epoch").flatMap { Int64($0) } != nil)
    }
  }

  @Test("an error tells its reason, the namespace and the machine")
  func errors() async throws {
    try await NodeFixture.with { node in
      let missing = try await expectFailure(.notFound, "MACHINE_NOT_FOUND") {
        try await node.get("nobody")
      }
      let info = try RichStatus(decoding: try #require(missing.details)).errorInfos[0]
      #expect(info.domain == "progressor")
      #expect(info.metadata == ["namespace": "orders", "machine_id": "nobody"])
      _ = try await expectFailure(.notFound, "NAMESPACE_NOT_FOUND") {
        try await node.automaton(
          "Get", GetRequest(machineID: MachineID(namespace: "none", id: "a")), as: GetResponse.self)
      }
      try await node.start("a")
      _ = try await expectFailure(.alreadyExists, "MACHINE_ALREADY_EXISTS") {
        try await node.start("a")
      }
    }
  }

  @Test("bad requests are INVALID_ARGUMENT and name the field")
  func invalid() async throws {
    try await NodeFixture.with { node in
      let empty = try await expectFailure(.invalidArgument, "INVALID_ARGUMENT") {
        try await node.get("")
      }
      #expect(empty.message.hasPrefix("id: "))
      let token = try await expectFailure(.invalidArgument, "INVALID_ARGUMENT") {
        try await node.automaton(
          "List", ListRequest(namespace: "orders", pageToken: "x"), as: ListResponse.self)
      }
      #expect(token.message.hasPrefix("page_token: "))
    }
  }

  @Test("what the processor refuses reaches the caller with its code, and fails no machine")
  func refused() async throws {
    let behaviour: ProcessorScript.Behaviour = { asked throws(RPCStatus) in
      if case .call = asked.stimulus {
        throw RPCStatus(code: .failedPrecondition, message: "not paid yet")
      }
      return try ProcessorScript.record(asked)
    }
    try await NodeFixture.with(behaviour) { node in
      try await node.start("a")
      let status = try await expectFailure(.failedPrecondition, "PROCESSOR_REFUSED") {
        try await node.automaton(
          "Call", CallRequest(machineID: node.id("a")), as: CallResponse.self)
      }
      #expect(status.message.contains("not paid yet"))
      #expect(try await node.get("a").status == .working(nil))
    }
  }

  @Test(
    "a caller is answered at its deadline; what the processor answers later is committed or not"
  )
  func deadline() async throws {
    try await NodeFixture.with { node in
      try await node.start("a", "one")
      node.script.hold()
      let request = CallRequest(machineID: node.id("a"), args: Array("two".utf8))
      await #expect(throws: RPCStatus.self) {
        _ = try await node.automaton(
          "Call", request, as: CallResponse.self, timeout: .milliseconds(100))
      }
      node.script.release()
      let response = try await node.automaton(
        "Call", CallRequest(machineID: node.id("a"), args: Array("three".utf8)),
        as: CallResponse.self)
      #expect(response.response == Array("three".utf8))
      #expect(try await node.get("a").history.map(\.id).last == node.get("a").lastEventID)
    }
  }
}
