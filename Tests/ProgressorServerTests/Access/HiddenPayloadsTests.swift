import GRPC
import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorServer

@Suite("HiddenPayloads")
struct HiddenPayloadsTests {
  @Test("Bytes of events and aux state are taken out and counted; the rest stays")
  func machine() {
    let at = Timestamp(microseconds: 5)
    let machine = Machine(
      machineID: MachineID(namespace: "n", id: "m"),
      history: [
        Event(id: 1, createdAt: at, body: Content(formatVersion: 3, data: [1, 2])),
        Event(id: 2, createdAt: at, body: Content(data: [4])),
      ], auxState: Content(formatVersion: 9, data: [1, 2, 3, 4]), createdAt: at)
    var hidden = HiddenPayloads()
    guard case .machine(let shown) = hidden.hide(in: Reply.machine(machine)) else {
      return #expect(Bool(false))
    }
    var expected = machine
    expected.history[0].body.data = []
    expected.history[1].body.data = []
    expected.auxState?.data = []
    #expect(shown == expected && hidden.bytes == 7)
    #expect(hidden.metadata.text("progressor-hidden-bytes") == "7")
  }

  @Test("Arguments of queued notifications are taken out; attempts and failures stay")
  func notifications() {
    let queued = QueuedNotification(
      sequence: 4, notificationID: "0-4", args: [1, 2, 3], historyRange: nil,
      context: CallerContext(), acceptedAt: Timestamp(microseconds: 1),
      retry: RetryState(
        attempt: 2, nextAttemptAt: .latest, lastCode: 14, lastMessage: "busy"))
    let page = NotificationPage([queued], hasMore: true)
    var hidden = HiddenPayloads()
    guard case .notifications(let shown) = hidden.hide(in: .notifications(page)) else {
      return #expect(Bool(false))
    }
    var expected = page
    expected.notifications[0].args = []
    #expect(shown == expected && hidden.bytes == 3)
  }

  @Test("Responses are taken out; what has no payload stays as it is")
  func replies() {
    var hidden = HiddenPayloads()
    #expect(hidden.hide(in: .called(response: [1, 2])) == .called(response: []))
    #expect(hidden.hide(in: .repaired(response: [3])) == .repaired(response: []))
    #expect(hidden.hide(in: .notified(notificationID: "x")) == .notified(notificationID: "x"))
    #expect(hidden.bytes == 3)
  }
}
