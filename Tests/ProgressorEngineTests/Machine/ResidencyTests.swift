import Glibc
import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Memory of machines")
struct ResidencyTests {
  /// What a machine in memory is made of.
  enum Shape: String, CaseIterable, Codable {
    case minimal, longNames, auxState, failed, paused, retrying, history, largeHistory,
      notifications
  }

  /// Reads machines of a shape into an engine, with as much memory for them as `residentBytes`.
  final class Reader {
    let world: World
    private var count: UInt64 = 0
    private let namespace: String

    init(residentBytes: Int, longNames: Bool = false) {
      namespace = longNames ? String(repeating: "n", count: 250) : "n"
      world = World([.named(namespace)]) {
        $0.shards = 16
        $0.residentBytes = residentBytes
      }
    }

    /// A call that finds the machine paused: it is read, and nothing more happens.
    func read(_ shape: Shape) {
      count += 1
      world.database.finds = { [unowned self] in loaded(shape, $0) }
      world.call(
        namespace.utf8.count > 1 ? "\(count)" + String(repeating: "i", count: 240) : "m\(count)",
        // Text that is nobody else's.
        in: String(decoding: Array(namespace.utf8), as: UTF8.self), args: [1], within: .seconds(1))
      world.replies.removeAll(keepingCapacity: true)
    }

    private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 7, count: count) }

    private func text(_ count: Int) -> String { String(decoding: bytes(count), as: UTF8.self) }

    private var context: CallerContext {
      CallerContext(
        (0..<8).map { CallerContext.Entry(name: "x-name-\($0)-\(count)", value: text(200)) })
    }

    private func loaded(_ shape: Shape, _ load: LoadRequest) -> Loaded {
      var row = MachineRow(
        key: MachineKey(Int64(count)), shard: load.shard, namespace: load.namespace,
        machine: load.machine, version: 1, createdAt: World.beginning, lastEventID: 0,
        lastEventAt: World.beginning, auxState: nil, failure: nil,
        pause: Pause(pausedAt: World.beginning, reason: ""), timer: nil, notificationCount: 0,
        due: nil)
      var loaded = Loaded()
      switch shape {
      case .minimal, .longNames: break
      case .auxState: row.auxState = Content(data: bytes(3_000))
      case .failed:
        row.failure = Failure(
          reason: text(4_000), failedAt: World.beginning, stepKind: .call, code: 13, attempts: 1)
      case .paused: row.pause?.reason = text(1_000)
      case .retrying:
        row.timer = TimerRow(
          serial: 1, firesAt: World.beginning, historyRange: nil, processingTimeout: nil,
          context: context,
          retry: RetryState(
            attempt: 1, nextAttemptAt: World.beginning, lastCode: 14, lastMessage: text(1_000)))
      case .history, .largeHistory:
        let (events, size) = shape == .history ? (20, 20) : (3, 10_000)
        row.lastEventID = Int64(events)
        loaded.history = (1...events).map {
          Event(id: Int64($0), createdAt: World.beginning, body: Content(data: bytes(size)))
        }
      case .notifications:
        row.notificationCount = 10
        loaded.notifications = (1...10).map {
          QueuedNotification(
            sequence: Int64($0), notificationID: "123-4294967296\($0)", args: bytes(100),
            historyRange: nil, context: $0 == 1 ? context : CallerContext(),
            acceptedAt: World.beginning)
        }
      }
      loaded.row = row
      return loaded
    }
  }

  /// Bytes of this process that are in memory.
  static var resident: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    let fields = text.split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
  }

  // Each in a process of its own: what others take is not in the way.

  @Test("What machines are charged is what they take", arguments: Shape.allCases)
  func charge(_ shape: Shape) async {
    await #expect(processExitsWith: .success) { [shape] in
      let reader = Reader(residentBytes: .max, longNames: shape == .longNames)
      reader.read(shape)
      let before = ResidencyTests.resident
      let count = 6_000
      for _ in 0..<count { reader.read(shape) }
      let real = (ResidencyTests.resident - before) / count
      let charged = reader.world.statistics().residentBytes / (count + 1)
      #expect(reader.world.statistics().machines == count + 1)
      #expect(
        charged * 100 >= real * 80 && charged * 100 <= real * 130 + 30_000,
        "\(shape): \(charged) bytes are charged for \(real)")
    }
  }

  @Test(
    "The process grows by the memory for machines and a quarter at most", arguments: [true, false])
  func bound(isMixed: Bool) async {
    await #expect(processExitsWith: .success) { [isMixed] in
      let limit = 24 << 20
      let reader = Reader(residentBytes: limit)
      reader.read(.minimal)
      let before = ResidencyTests.resident
      var generator = SeededRandom(seed: 1)
      while reader.world.statistics().counts.evictions < 10_000 {
        let number = isMixed ? Int(generator.fraction() * Double(Shape.allCases.count)) : 0
        reader.read(Shape.allCases[number])
      }
      let growth = ResidencyTests.resident - before
      #expect(reader.world.statistics().residentBytes <= limit)
      #expect(growth <= limit * 5 / 4 + (6 << 20), "\(growth >> 10) KiB for \(limit >> 10) KiB")
    }
  }

  @Test("Machines that were started and removed leave nothing behind")
  func removed() async {
    await #expect(processExitsWith: .success) {
      let world = World()
      func startAndRemove(_ count: Int) {
        for number in 0..<count {
          let start = ProgressorEngine.Operation.start(args: [], key: nil)
          #expect(world.reply(to: start, "\(number)") == .started)
          #expect(world.reply(to: .remove, "\(number)") == .removed)
          world.replies = [:]
        }
      }
      startAndRemove(500)
      let before = ResidencyTests.resident
      startAndRemove(6_000)
      let growth = ResidencyTests.resident - before
      let statistics = world.statistics()
      #expect(statistics.machines == 0 && statistics.residentBytes == 0)
      // A machine has a kilobyte at least.
      #expect(growth < 2 << 20, "\(growth >> 10) KiB")
    }
  }

  @Test("Requests that wait are charged, and what they took is given back")
  func requests() async {
    await #expect(processExitsWith: .success) {
      let world = World()
      world.database.holdsLoads = true
      let before = ResidencyTests.resident
      let args = [UInt8](repeating: 7, count: 1_000)
      let count = 5_000
      for number in 0..<count {
        world.call("m\(number)", args: args + [UInt8(number % 7)])
      }
      let real = (ResidencyTests.resident - before) / count
      let charged = world.statistics().residentBytes / count
      #expect(
        charged * 100 >= real * 80 && charged * 100 <= real * 130,
        "\(charged) bytes are charged for \(real)")
      world.release()
      #expect(world.statistics().residentBytes == 0)
    }
  }
}
