import Foundation
import Glibc

/// The groups of measurements, in their order.
enum Group {
  static let postgreSQL = "PostgreSQL alone"
  static let gRPC = "gRPC alone"
  static let progressor = "Progressor"
}

/// Everything that a run found.
struct Report: Codable, Sendable {
  var time: String
  /// The processors of the machine.
  var cores: Int
  /// The server's engines, if that was asked for.
  var engines: Int?
  var postgreSQLVersion = ""
  /// Of the last minute, before the run: above 0.3 somebody else uses the machine, too.
  var loadBefore: Double
  var measurements: [Measurement] = []
  var findings: [Finding] = []
  var storage: StorageTotals?

  /// What the server did to its database in the whole run.
  struct StorageTotals: Codable, Sendable {
    /// Events in the processor's answers, and events in the database: the same, unless something
    /// was lost or done twice.
    var eventsAnswered: Int
    var eventsStored: Int
    /// Committed transactions of the database. The few of the benchmark's own probe are among them.
    var writingTransactions: Int
    var readingTransactions: Int
  }

  init(engines: Int?) {
    self.engines = engines
    time = Date().formatted(.iso8601)
    cores = ProcessInfo.processInfo.activeProcessorCount
    var load = [0.0, 0, 0]
    loadBefore = getloadavg(&load, 3) > 0 ? load[0] : 0
  }

  /// Adds what a phase has found.
  mutating func append(_ result: PhaseResult) {
    for measurement in result.measurements { append(measurement) }
    findings += result.findings
  }

  /// Adds a result, with its ratios to the baselines that were measured before.
  mutating func append(_ measurement: Measurement) {
    var measurement = measurement
    if measurement.group == Group.progressor {
      for baseline in measurements where baseline.unit == measurement.unit {
        guard let key = baseline.key else { continue }
        measurement.ratios[key] = measurement.stepsPerSecond / baseline.stepsPerSecond
      }
    }
    measurements.append(measurement)
  }

  /// Whether something went wrong, so that the numbers mean nothing.
  var problems: [String] {
    var problems = measurements.flatMap { measurement in
      measurement.failures.sorted { $0.key < $1.key }.map {
        "\(measurement.name): \($0.value) calls ended with \($0.key)"
      }
    }
    if let storage, storage.eventsAnswered != storage.eventsStored {
      problems.append(
        "the processor answered \(storage.eventsAnswered) events and \(storage.eventsStored) are "
          + "stored")
    }
    return problems
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self)
  }
}
