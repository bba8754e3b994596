import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Replies as messages")
struct ReplyEncoderTests {
  private let encoder = ReplyEncoder(maximumMessageBytes: 1 << 20)
  private let scope = ListScope(namespace: "n", status: .any, idPrefix: "")

  private func machine(_ id: String, auxBytes: Int = 0) -> Machine {
    Machine(
      machineID: MachineID(namespace: "n", id: id), historyRange: HistoryRange(limit: 0),
      auxState: auxBytes == 0 ? nil : Content(data: [UInt8](repeating: 7, count: auxBytes)),
      createdAt: Timestamp(microseconds: 1))
  }

  @Test("each reply becomes the response of its method")
  func kinds() throws {
    #expect(try encoder.encode(.started, list: nil).readableBytes == 0)
    #expect(try encoder.encode(.simplyRepaired, list: nil).readableBytes == 0)
    #expect(try encoder.encode(.removed, list: nil).readableBytes == 0)
    let called = try encoder.encode(.called(response: [1, 2]), list: nil)
    #expect(try CallResponse(decoding: called).response == [1, 2])
    let repaired = try encoder.encode(.repaired(response: [3]), list: nil)
    #expect(try RepairResponse(decoding: repaired).response == [3])
    let notified = try encoder.encode(.notified(notificationID: "id"), list: nil)
    #expect(try NotifyResponse(decoding: notified).notificationID == "id")
    let got = try encoder.encode(.machine(machine("a")), list: nil)
    #expect(try GetResponse(decoding: got).machine == machine("a"))
  }

  @Test("a machine that does not fit into a message is HISTORY_TOO_LARGE")
  func tooLarge() throws {
    let error = try #require(
      #expect(throws: ProgressorError.self) {
        try encoder.encode(.machine(machine("a", auxBytes: 1 << 20)), list: nil)
      })
    #expect(error.code == .resourceExhausted)
    #expect(error.reason == .historyTooLarge)
  }

  @Test("a page that does not fit is cut, and its token goes on after the last machine in it")
  func cutPage() throws {
    let machines = (0..<10).map { machine("m\($0)", auxBytes: 300_000) }
    let response = try ListResponse(
      decoding: try encoder.encode(.listed(machines, last: nil), list: scope))
    #expect(response.machines.map(\.machineID.id) == ["m0", "m1", "m2"])
    #expect(try PageToken.read(response.nextPageToken, of: scope) == "m2")
  }

  private func queue(_ bytes: Int...) -> [QueuedNotification] {
    bytes.enumerated().map { index, bytes in
      QueuedNotification(
        sequence: Int64(index) + 1, notificationID: "0-\(index + 1)",
        args: [UInt8](repeating: 7, count: bytes), historyRange: nil, context: CallerContext(),
        acceptedAt: Timestamp(microseconds: 1))
    }
  }

  @Test("a page of a queue is cut where the message ends, and has a token as long as there is more")
  func queues() throws {
    let scope = NotificationScope(machine: MachineID(namespace: "n", id: "m"))
    func page(_ queue: [QueuedNotification], hasMore: Bool) throws -> ListNotificationsResponse {
      let page = NotificationPage(queue, hasMore: hasMore)
      let message = try encoder.encode(.notifications(page), list: scope)
      #expect(message.readableBytes <= encoder.size(ofRead: .notifications(page)) ?? 0)
      return try ListNotificationsResponse(decoding: message)
    }
    let cut = try page(queue(500_000, 500_000, 500_000), hasMore: false)
    #expect(cut.notifications.map(\.notificationID) == ["0-1", "0-2"])
    #expect(try PageToken.read(cut.nextPageToken, of: scope) == "2")
    let whole = try page(queue(1, 1), hasMore: false)
    #expect(whole.notifications.count == 2 && whole.nextPageToken.isEmpty)
    #expect(
      try PageToken.read(page(queue(1, 1), hasMore: true).nextPageToken, of: scope) == "2")
    #expect(try page([], hasMore: false).nextPageToken.isEmpty)
    let error = try #require(
      #expect(throws: ProgressorError.self) { try page(queue(1 << 20), hasMore: true) })
    #expect(error.message.contains("0-1") && error.code == .resourceExhausted)
  }

  @Test("a whole page has a token only if there is more")
  func wholePage() throws {
    let all = try ListResponse(
      decoding: try encoder.encode(.listed([machine("a")], last: nil), list: scope))
    #expect(all.nextPageToken.isEmpty)
    let more = try ListResponse(
      decoding: try encoder.encode(.listed([machine("a")], last: "a"), list: scope))
    #expect(try PageToken.read(more.nextPageToken, of: scope) == "a")
  }
}
