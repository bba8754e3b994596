import Foundation
import NIOCore
import PostgreSQL
import Synchronization

/// Measures PostgreSQL alone: connections, each on a thread of its own, that commit one transaction
/// after the other.
struct BaselineRun: Sendable {
  /// The short name, for the ratios.
  let key: String
  let name: String
  let unit: Measurement.Unit
  let connections: Int
  let stepsPerTransaction: Int
  /// The work of the connection of that number.
  let work: @Sendable (Int) -> any BaselineWork

  /// One step per transaction on one connection and on 16, and 100 steps, and starts, at a time.
  static let all = [
    BaselineRun(
      key: "1x1", name: "1 step/commit, 1 connection", unit: .step, connections: 1,
      stepsPerTransaction: 1, work: { BaselineSteps(keys: keys(ofRun: 0, $0, of: 1)) }),
    BaselineRun(
      key: "1x16", name: "1 step/commit, 16 connections", unit: .step, connections: 16,
      stepsPerTransaction: 1, work: { BaselineSteps(keys: keys(ofRun: 1, $0, of: 16)) }),
    BaselineRun(
      key: "100x1", name: "100 steps/commit, 1 connection", unit: .step, connections: 1,
      stepsPerTransaction: 100, work: { BaselineSteps(keys: keys(ofRun: 2, $0, of: 1)) }),
    BaselineRun(
      key: "100s", name: "100 starts/commit, 1 connection", unit: .start, connections: 1,
      stepsPerTransaction: 100, work: { _ in BaselineStarts(firstKey: machineCount) }),
  ]

  /// How many machines there are in the beginning: each run that makes steps has its own.
  static let machineCount = 3 * machinesPerRun
  private static let machinesPerRun: Int64 = 1_600

  /// The machines of a connection.
  private static func keys(ofRun run: Int64, _ number: Int, of connections: Int64) -> Range<Int64> {
    let size = machinesPerRun / connections
    let first = run * machinesPerRun + Int64(number) * size
    return first..<first + size
  }

  func measure(
    _ database: BaselineDatabase, probe: DatabaseProbe, plan: Plan
  ) async throws -> Measurement {
    let crew = BaselineCrew(size: connections)
    async let counts = withThrowingTaskGroup(of: BaselineCount.self) { group in
      for number in 0..<connections {
        group.addTask {
          try await onThread { try self.write(database, number, crew) }
        }
      }
      return try await group.reduce(into: BaselineCount()) { $0.merge($1) }
    }
    try await crew.waitUntilReady()
    try await Task.sleep(for: plan.warmUp)
    let meter = Meter(probe: probe, generator: nil, processor: nil, server: nil)
    let start = try await meter.read()
    crew.enter(.counting)
    try await Task.sleep(for: plan.measuring)
    crew.enter(.over)
    let end = try await meter.read()
    let count = try await counts
    return Measurement(
      group: Group.postgreSQL, name: name, key: key, unit: unit, steps: count.steps, from: start,
      to: end, latencies: count.latencies)
  }

  private func write(
    _ database: BaselineDatabase, _ number: Int, _ crew: BaselineCrew
  ) throws -> BaselineCount {
    defer { crew.report() }
    let connection = try database.connect()
    defer { connection.close() }
    var work = work(number)
    var count = BaselineCount()
    _ = try connection.run(work.next(steps: stepsPerTransaction), timeout: .seconds(10))
    crew.report()
    while crew.phase != .over {
      let start = NIODeadline.now()
      _ = try connection.run(work.next(steps: stepsPerTransaction), timeout: .seconds(10))
      guard crew.phase == .counting else { continue }
      count.steps += stepsPerTransaction
      count.latencies.record(Int((NIODeadline.now() - start).nanoseconds))
    }
    return count
  }
}

/// What one connection committed.
struct BaselineCount: Sendable {
  var steps = 0
  /// Of transactions.
  var latencies = Histogram()

  mutating func merge(_ other: BaselineCount) {
    steps += other.steps
    latencies.merge(other.latencies)
  }
}

/// The connections of one run: they begin together and end together.
final class BaselineCrew: Sendable {
  enum Phase: Int { case warmingUp, counting, over }

  private let size: Int
  private let current = Atomic<Int>(Phase.warmingUp.rawValue)
  private let reports = Atomic<Int>(0)

  init(size: Int) {
    self.size = size
  }

  var phase: Phase { Phase(rawValue: current.load(ordering: .relaxed)) ?? .over }

  func enter(_ phase: Phase) {
    current.store(phase.rawValue, ordering: .relaxed)
  }

  /// One is ready, or gave up.
  func report() {
    reports.add(1, ordering: .relaxed)
  }

  /// Waits until everyone has reported, for 15 s at the most.
  func waitUntilReady() async throws {
    for _ in 0..<1_500 where reports.load(ordering: .relaxed) < size {
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

/// Runs work that blocks on a thread of its own.
private func onThread<Result: Sendable>(
  _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread {
      continuation.resume(with: Swift.Result { try body() })
    }
  }
}
