import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorServer

@Suite("What is told of many machines")
struct NewsWindowTests {
  private static let second = NewsWindow.length

  /// Lets expectations ask a value that changes by being asked.
  private final class Log {
    var window = NewsWindow()
    var role = NodeRole()

    func tells(_ kind: MachineNews.Kind, of namespace: String, at now: Int64) -> Bool {
      window.take(kind, namespace: namespace, now: now)
    }

    func crowds(at now: Int64) -> [NewsWindow.Crowd] { window.end(now: now) }

    func hears(_ input: Input, shards: Int) -> NodeRole.News? {
      role.observe(input, shards: shards)
    }
  }

  @Test("ten of a namespace in a second are told, then how many more, then each again")
  func crowd() {
    let log = Log()
    let told = (0..<25).map { _ in log.tells(.failed, of: "n", at: 5) }
    #expect(told.count { $0 } == 10 && told.prefix(10).allSatisfy { $0 })
    #expect(!log.tells(.paused, of: "n", at: 6))
    #expect(log.tells(.failed, of: "m", at: 6))
    #expect(log.crowds(at: 6) == [] && !log.window.isEmpty)
    // What comes before the crowd was told is of the crowd.
    #expect(!log.tells(.failed, of: "n", at: 5 + Self.second))
    let crowds = log.crowds(at: 6 + Self.second)
    #expect(crowds.map(\.namespace) == ["n"] && crowds.first?.counts == [16, 0, 0, 1, 0])
    #expect(log.window.isEmpty && log.tells(.failed, of: "n", at: 7 + Self.second))
  }

  @Test("all namespaces together have a bound")
  func all() {
    let log = Log()
    let told = (0..<1_000).map { log.tells(.failed, of: "n\($0)", at: 0) }
    #expect(told.count { $0 } == NewsWindow.ofAll)
    let crowds = log.crowds(at: Self.second)
    #expect(crowds.count == 900 && crowds.allSatisfy { $0.counts[0] == 1 })
  }

  @Test("namespaces are told apart by their bytes")
  func exact() {
    let log = Log()
    for _ in 0..<10 { _ = log.tells(.failed, of: "\u{E9}", at: 0) }
    #expect(log.tells(.failed, of: "e\u{301}", at: 0))
    #expect(!log.tells(.failed, of: "\u{E9}", at: 0))
  }

  @Test("a role is told when it changes, and a node's first one")
  func roles() {
    let renewed = Input.leaseRenewed(until: 0)
    let log = Log()
    #expect(log.hears(renewed, shards: 0) == nil)
    #expect(log.hears(renewed, shards: 0) == .standby)
    #expect(log.hears(renewed, shards: 0) == nil)
    #expect(log.hears(.shardsAcquired([]), shards: 7) == .active(shards: 7))
    #expect(log.hears(renewed, shards: 9) == nil)
    #expect(log.hears(.shardsLost([]), shards: 0) == .standby)
    let first = Log()
    #expect(first.hears(renewed, shards: 0) == nil)
    #expect(first.hears(.shardsAcquired([]), shards: 1) == .active(shards: 1))
  }
}
