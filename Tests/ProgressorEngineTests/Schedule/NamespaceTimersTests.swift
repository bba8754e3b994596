import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Timers of a namespace")
struct NamespaceTimersTests {
  private func position(_ due: Int64, _ key: Int64 = 1, shard: Int32 = 0) -> DuePosition {
    DuePosition(due: Timestamp(microseconds: due), shard: ShardID(shard), key: MachineKey(key))
  }

  @Test("Cuts lie between places: every one has places below it and beyond it")
  func cuts() {
    let places = [
      position(.min, .min, shard: .min), position(-5), position(0), position(0, 2),
      position(0, .max), position(0, .min, shard: 1), position(0, .max, shard: .max), position(1),
      position(.max, .max, shard: .max),
    ]
    var cuts = [DueCut.start]
    for (place, next) in zip(places, places.dropFirst().map(Optional.some) + [nil]) {
      cuts += [.before(place), .after(place)]
      if place.due != next?.due { cuts.append(.end(of: place.due)) }
    }
    for (a, cut) in cuts.enumerated() {
      for (b, other) in cuts.enumerated() { #expect((cut < other) == (a < b), "\(cut) \(other)") }
    }
    for place in places {
      #expect(!DueCut.start.covers(place) && !DueCut.before(place).covers(place))
      #expect(DueCut.after(place).covers(place) && DueCut.end(of: place.due).covers(place))
    }
  }

  @Test("The heap is what a list in order is, and what is left behind is never the larger part")
  func heap() {
    var heap = DueHeap<Int, Int>()
    var model: [Int: (at: Int64, value: Int)] = [:]
    var random = SeededRandom(seed: 7)
    func below(_ bound: Int) -> Int { Int(random.fraction() * Double(bound)) }
    for step in 0..<20_000 {
      let key = below(300)
      switch below(8) {
      case 0:
        heap.remove(key)
        model[key] = nil
      case 1:
        let first = heap.popFirst(at: Timestamp(microseconds: 500))
        let earliest = model.values.map(\.at).min().flatMap { $0 <= 500 ? $0 : nil }
        #expect(first.flatMap { model[$0.key]?.at } == earliest)
        if let first { model[first.key] = nil }
      case 2 where step % 3 == 0:
        let last = heap.popLast()
        #expect(last.flatMap { model[$0.key]?.at } == model.values.map(\.at).max())
        if let last { model[last.key] = nil }
      default:
        let at = Int64(below(1_000))
        heap.set(key, at: Timestamp(microseconds: at), step)
        model[key] = (at, step)
      }
      #expect(heap.count == model.count)
      #expect(heap.first?.microseconds == model.values.map(\.at).min())
      #expect(heap.last?.microseconds == model.values.map(\.at).max())
      #expect(heap.left <= heap.count + 65)
    }
  }

  /// Machines with due times in a database, and what of them is in memory.
  private struct Model {
    var timers = NamespaceTimers()
    var rows: [MachineID: DuePosition] = [:]
    var capacity = 6
    var reading: (query: UInt64, page: DuePage)?
    var lastQuery: UInt64 = 0
    var wall: Int64 = 0

    var now: Moment { Moment(wall: Timestamp(microseconds: wall), uptime: wall) }
    private let record = NamespaceRecord(
      number: NamespaceNumber(1),
      namespace: Namespace(name: "n", processor: ProcessorOptions(endpoint: "e")))

    static func machine(_ key: Int64) -> MachineID { MachineID(namespace: "n", id: "m\(key)") }

    /// A commit gives a machine a time, or takes it away.
    mutating func commit(_ key: Int64, due: Int64?) {
      let machine = Model.machine(key)
      rows[machine] = due.map {
        DuePosition(due: Timestamp(microseconds: $0), shard: ShardID(0), key: MachineKey(key))
      }
      if let position = rows[machine], timers.covers(position) || position.due <= now.wall {
        timers.set(machine, at: position.due, position, now: now.wall, capacity: capacity)
      } else {
        timers.remove(machine)
      }
    }

    mutating func fire() -> [Int64] {
      var late: [Int64] = []
      while let machine = timers.pop(at: now.wall) {
        guard let due = rows[machine]?.due, due <= now.wall else { continue }
        late.append(wall - due.microseconds)
        rows[machine] = nil
      }
      return late
    }

    /// Takes the snapshot of a read, if it is time for one.
    mutating func beginRead(lookAhead: Int64) {
      guard let at = timers.readsAt(now: now.wall, lookAhead: lookAhead, capacity: capacity),
        at <= now.wall, timers.readsNotBefore.map({ $0 <= wall }) ?? true
      else { return }
      lastQuery += 1
      let span = timers.beginRead(
        lastQuery, of: record, now: now, lookAhead: lookAhead, limit: max(1, capacity / 2))
      let found = rows.filter { !span.from.covers($0.value) && $0.value.due <= span.until }
        .sorted { $0.value < $1.value }.prefix(Int(span.limit))
      let isAll = found.count < Int(span.limit)
      reading = (
        lastQuery,
        DuePage(
          machines: found.map { DueMachine(position: $0.value, machine: $0.key) },
          reached: isAll ? .end(of: span.until) : .after(found.last?.value ?? span.wholly))
      )
    }

    mutating func endRead() {
      guard let (query, page) = reading else { return }
      reading = nil
      guard let (machines, from) = timers.endRead(query, page) else { return }
      for due in machines where rows[due.machine] != nil && !timers.holds(due.machine) {
        timers.set(
          due.machine, at: due.position.due, due.position, now: now.wall, capacity: capacity)
      }
      timers.readEnded(from: from, now: now)
    }
  }

  @Test("Whatever comes, goes and has no room: nothing due is missed, and nothing fires late")
  func nothingIsMissed() {
    var random = SeededRandom(seed: 3)
    func below(_ bound: Int64) -> Int64 { Int64(random.fraction() * Double(bound)) }
    for round in 0..<40 {
      var model = Model()
      model.capacity = 2 + round % 9
      var latest: Int64 = 0
      for _ in 0..<3_000 {
        model.wall += below(40_000)
        for late in model.fire() { latest = max(latest, late) }
        if below(3) > 0 { model.endRead() }
        switch below(20) {
        case 0: model.commit(below(60), due: nil)
        case 1...4: model.commit(below(60), due: model.wall + below(9_000_000))
        case 5: model.commit(below(60), due: model.wall + below(300_000) - 100_000)
        default: break
        }
        model.beginRead(lookAhead: 5_000_000)
        #expect(model.timers.count <= model.capacity)
        for (machine, position) in model.rows where model.timers.covered.covers(position) {
          #expect(model.timers.holds(machine), "\(position) is covered, and not here")
        }
      }
      // A read is under way for a few steps; after one that brought nothing there is a pause.
      #expect(latest <= NamespaceTimers.pause + 200_000, "round \(round)")
    }
  }
}

extension DueSpan {
  fileprivate var wholly: DuePosition {
    DuePosition(due: until, shard: ShardID(.max), key: MachineKey(.max))
  }
}
