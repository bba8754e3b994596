import ArgumentParser
import GRPC
import Glibc
import MachineModel

/// Shows the progress of a job until it ends: on a terminal as one line that changes, elsewhere as
/// a line per change.
struct RepairJobFollower {
  let jobs: RepairJobClient
  let json: Bool

  private static let isTerminal = isatty(STDERR_FILENO) == 1
  /// Failures that are shown at the end.
  private static let shownFailures = 10

  /// Follows a job to its end and prints what it came to. Ends the program with 1 when the job was
  /// cancelled or a machine could not be repaired.
  func follow(_ job: RepairJob) async throws {
    let interrupt = try leaveOnInterrupt(job)
    defer { interrupt.cancel() }
    let job = try await waitForEnd(of: job)
    if Self.isTerminal { Output.showProgress("") }
    if json {
      RepairJobOutput.print(job, json: true)
    } else {
      Output.print("\(job.id): \(RepairJobOutput.progress(job))")
    }
    if job.failed > 0 { try await showFailures(of: job) }
    if job.state == .cancelled { Output.printError("error: the job was cancelled") }
    if job.failed > 0 || job.state == .cancelled { throw ExitCode(1) }
  }

  /// Asks every second, and less often when the answer takes long: the server counts for it.
  private func waitForEnd(of job: RepairJob) async throws -> RepairJob {
    var job = job
    var shown: TerminalText = ""
    var isAway = false
    let clock = ContinuousClock()
    while job.state == .running {
      let progress = RepairJobOutput.progress(job)
      if progress != shown { show(progress) }
      shown = progress
      let asked = clock.now
      do throws(ClientFailure) {
        job = try await jobs.get(job.id)
        isAway = false
      } catch {
        guard error.isTemporary else { throw error }
        // The job survives the server's crash, and so does its follower.
        if !isAway { showOnLine("the server does not answer; waiting for it") }
        isAway = true
      }
      if job.state == .running {
        let tenfold: Duration = (clock.now - asked) * 10
        let pause: Duration = max(Duration.seconds(1), tenfold)
        try await Task.sleep(for: min(pause, Duration.seconds(60)))
      }
    }
    return job
  }

  private func show(_ progress: TerminalText) {
    if Self.isTerminal {
      Output.showProgress(progress)
    } else {
      Output.printError(progress)
    }
  }

  /// On a line of its own.
  private func showOnLine(_ text: TerminalText) {
    Output.printError(Self.isTerminal ? "\n\(text)" : text)
  }

  private func showFailures(of job: RepairJob) async throws {
    try await jobs.eachPage(ofFailures: job.id, limit: Self.shownFailures) { failures in
      for failure in failures { Output.printError(RepairJobOutput.row(failure)) }
    }
    if job.failed > Int64(Self.shownFailures) {
      Output.printError("See all with `progressor repair-job failures \(job.id)`.")
    }
  }

  /// Ctrl-C ends this program and not the job.
  private func leaveOnInterrupt(_ job: RepairJob) throws(CaughtSignalError) -> CaughtSignal {
    let advice = Self.advice(job)
    return try CaughtSignal(.interrupt) {
      Output.printError("\nThe job goes on. \(advice)")
      _exit(128 + SIGINT)
    }
  }

  /// How to come back to a job.
  static func advice(_ job: RepairJob) -> TerminalText {
    "Follow it with `progressor repair-job follow \(job.id)`, end it with "
      + "`progressor repair-job cancel \(job.id)`."
  }
}
