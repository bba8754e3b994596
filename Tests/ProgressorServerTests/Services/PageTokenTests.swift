import GRPC
import MachineModel
import ProgressorEngine
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Page tokens of List")
struct PageTokenTests {
  private let scope = ListScope(namespace: "orders", status: .working, idPrefix: "a")

  @Test(
    "a token leads back to the id that it was made for",
    arguments: ["a", "ключ 🔑", String(repeating: "x", count: 256)])
  func roundTrip(id: String) throws {
    #expect(try PageToken.read(PageToken.make(after: id, of: scope), of: scope) == id)
  }

  @Test(
    "a token of another list is refused",
    arguments: [
      ListScope(namespace: "other", status: .working, idPrefix: "a"),
      ListScope(namespace: "orders", status: .failed, idPrefix: "a"),
      ListScope(namespace: "orders", status: .working, idPrefix: ""),
      ListScope(
        namespace: "orders", status: .working, idPrefix: "a", failedSince: .earliest),
      ListScope(namespace: "orders", status: .working, idPrefix: "a", failedCode: 0),
    ])
  func otherList(other: ListScope) {
    let token = PageToken.make(after: "a1", of: scope)
    #expect(throws: ProgressorError.self) { try PageToken.read(token, of: other) }
  }

  @Test(
    "what List did not make is INVALID_ARGUMENT, naming the field",
    arguments: ["x", "AAAA", "not base64!", String(repeating: "A", count: 10_000)])
  func foreign(token: String) throws {
    let error = try #require(
      #expect(throws: ProgressorError.self) { try PageToken.read(token, of: scope) })
    #expect(error.code == .invalidArgument)
    #expect(error.message.hasPrefix("page_token: "))
  }

  @Test("no two lists that differ in their filters alone have the same token")
  func filters() {
    let scopes: [any PageScope] = [
      scope, ListScope(namespace: "orders", status: .late, idPrefix: "a"),
      ListScope(namespace: "orders", status: .working, idPrefix: "a", failedCode: 1),
      ListScope(namespace: "orders", status: .working, idPrefix: "a", failedCode: 11),
      ListScope(
        namespace: "orders", status: .working, idPrefix: "a",
        failedSince: Timestamp(microseconds: 1)),
      ListScope(
        namespace: "orders", status: .working, idPrefix: "a",
        failedSince: Timestamp(microseconds: 1), failedCode: 1),
      NotificationScope(machine: MachineID(namespace: "orders", id: "é")),
      NotificationScope(machine: MachineID(namespace: "orders", id: "e\u{301}")),
    ]
    #expect(Set(scopes.map { PageToken.make(after: "1", of: $0) }).count == scopes.count)
  }

  @Test("a queue's token holds a place in the queue, or is refused", arguments: ["0", "-1", "x"])
  func queues(place: String) throws {
    let machine = MachineID(namespace: "n", id: "m")
    let scope = NotificationScope(machine: machine)
    func decoded(_ place: String) throws -> ProgressorEngine.Operation {
      let token = PageToken.make(after: place, of: scope)
      return try AutomatonService.listNotifications(
        ListNotificationsRequest(machineID: machine, pageToken: token)
      ).operation
    }
    #expect(
      try decoded("7") == .listNotifications(NotificationQuery(after: 7, pageSize: 100)))
    #expect(throws: ProgressorError.self) { try decoded(place) }
  }

  @Test("no changed byte of a token goes unnoticed")
  func tampering() throws {
    let bytes = try #require(Base64.decode(PageToken.make(after: "a1", of: scope).utf8))
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1
      #expect(throws: ProgressorError.self) {
        try PageToken.read(Base64.encode(changed), of: scope)
      }
    }
  }

  @Test(
    "a page has 100 machines unless asked otherwise, and never more than 1,000",
    arguments: [(0, 100), (1, 1), (1_000, 1_000), (1_001, 1_000)])
  func pageSizes(asked: Int32, size: Int32) throws {
    let decoded = try AutomatonService.list(ListRequest(namespace: "n", pageSize: asked))
    guard case .list(let query) = decoded.operation else {
      Issue.record("List becomes a list")
      return
    }
    #expect(query.pageSize == size)
    #expect(query.after == nil)
  }
}
