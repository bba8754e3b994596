import ArgumentParser
import Foundation
import Glibc

/// Measures Progressor on this machine, beside what PostgreSQL alone does on it.
@main
struct Program: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "progressor-benchmark",
    abstract: "Measures Progressor beside what PostgreSQL alone does on the same machine.")

  @Option(help: "The progressor program; without it only what needs no server is measured.")
  var server: String?

  @Option(help: "The server's migrations: the baseline works on the same tables.")
  var migrations: String

  @Flag(help: "A run of less than a minute, whose numbers are rough.")
  var short = false

  @Option(help: "How many seconds each measurement takes, 1 to 60.")
  var seconds: Int?

  @Option(help: "Measure only what has this in its name, such as \"64 callers\" or timers.")
  var only: String?

  @Flag(help: "Measure the server's memory, and nothing else; it takes two to six minutes.")
  var memory = false

  @Option(help: "How many engines the server has, 1 to 64; without it as many as it takes.")
  var cores: Int?

  @Option(help: "Write the results to this file, too.")
  var json: String?

  mutating func validate() throws {
    if let seconds, !(1...60).contains(seconds) {
      throw ValidationError("--seconds takes 1 to 60.")
    }
    if memory, server == nil { throw ValidationError("--memory takes a --server.") }
    if let cores, !(1...64).contains(cores) {
      throw ValidationError("--cores takes 1 to 64.")
    }
  }

  mutating func run() async throws {
    var plan = short ? Plan.short : Plan.full
    if let seconds {
      plan.measuring = .seconds(seconds)
      plan.limit += 40 * seconds
    }
    if memory { plan.limit = 500 }
    endAfter(seconds: plan.limit)
    let benchmark = Benchmark(
      plan: plan, server: server, cores: cores, migrations: migrations, filter: only,
      measuresMemory: memory)
    let report = try await benchmark.run()
    print(report.text)
    if let json { try report.json().write(to: URL(fileURLWithPath: json)) }
    if !report.problems.isEmpty { throw ExitCode.failure }
  }

  /// Ends the process when it is still there: the kernel then ends the server and PostgreSQL.
  private func endAfter(seconds: Int) {
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: Double(seconds))
      FileHandle.standardError.write(Data("error: not done after \(seconds) s, given up\n".utf8))
      Glibc._exit(70)
    }
  }
}
