import Foundation

extension Report {
  /// The form for people.
  var text: String {
    var parts = [head]
    for group in [Group.postgreSQL, Group.gRPC, Group.progressor] {
      let rows = measurements.filter { $0.group == group }
      if !rows.isEmpty { parts.append(table(group, rows)) }
    }
    if !findings.isEmpty { parts.append(findingsTable) }
    if let storage {
      parts.append(
        """
        The processor answered \(storage.eventsAnswered) events, \(storage.eventsStored) are \
        stored. Transactions: \(storage.writingTransactions) that wrote, \
        \(storage.readingTransactions) that only read.
        """)
    }
    parts += problems.map { "PROBLEM: \($0)" }
    return parts.joined(separator: "\n\n") + "\n"
  }

  private var head: String {
    var text = "\(time), \(cores) cores, PostgreSQL \(postgreSQLVersion) on /tmp"
    if let engines { text += ", \(engines) engines" }
    text += ", load before the run \(decimal(loadBefore, 1))"
    if loadBefore > 0.3 { text += " (the machine was not idle: ratios only, if at all)" }
    return text
      + "\nRates per second, times in milliseconds, CPU in microseconds per step or call."
  }

  private func table(_ group: String, _ rows: [Measurement]) -> String {
    let baselines = group == Group.progressor ? measurements.compactMap(\.key) : []
    var header = [group, "per s", "p50", "p99", "idle"]
    switch group {
    case Group.postgreSQL: header += ["commits", "WAL B", "client", "backends"]
    case Group.gRPC: header += ["generator", "processor"]
    default:
      header += ["commits", "WAL B", "generator", "server", "backends", "processor"]
      header += baselines.map { "/ " + $0 }
    }
    var table = TextTable(header)
    for row in rows {
      var cells = [
        row.key.map { "\($0): \(row.name)" } ?? row.name, decimal(row.stepsPerSecond, 0),
        milliseconds(row.p50), milliseconds(row.p99),
        "\(decimal(row.idle * 100, 0)) %",
      ]
      switch group {
      case Group.postgreSQL:
        cells += [
          decimal(row.commitsPerStep, 3), decimal(row.logBytesPerStep, 0),
          decimal(row.generatorCPU, 1), decimal(row.backendCPU, 1),
        ]
      case Group.gRPC:
        cells += [decimal(row.generatorCPU, 1), decimal(row.processorCPU, 1)]
      default:
        cells += [
          decimal(row.commitsPerStep, 3), decimal(row.logBytesPerStep, 0),
          decimal(row.generatorCPU, 1), decimal(row.serverCPU, 1), decimal(row.backendCPU, 1),
          decimal(row.processorCPU, 1),
        ]
        cells += baselines.map { decimal(row.ratios[$0], 2) }
      }
      table.append(cells)
    }
    return table.text
  }

  private var findingsTable: String {
    var table = TextTable(["Compared", "in", "reference", "found", "ratio", "goal"])
    for finding in findings {
      let digits = finding.found < 1_000 ? 1 : 0
      table.append([
        finding.name, finding.unit.rawValue, decimal(finding.reference, digits),
        decimal(finding.found, digits), decimal(finding.ratio, 2),
        finding.goal.map { "\($0.side.rawValue) \(goal($0.bound))" } ?? "-",
      ])
    }
    return table.text
  }

  private func goal(_ bound: Double) -> String { decimal(bound, bound < 10 ? 2 : 0) }

  private func milliseconds(_ microseconds: Double?) -> String {
    decimal(microseconds.map { $0 / 1000 }, 2)
  }

  private func decimal(_ value: Double?, _ digits: Int) -> String {
    value.map { String(format: "%.\(digits)f", $0) } ?? "-"
  }
}
