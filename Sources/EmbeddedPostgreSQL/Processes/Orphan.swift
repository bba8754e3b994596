import Foundation
import Glibc
import Logging

/// A postmaster of our data directory that outlived the server that started it. It may still be
/// finishing what that server sent, so it has to be gone before anybody reads.
struct Orphan {
  private let file: PostmasterFile
  private let directory: String

  /// Nil when no postmaster is running there.
  init?(inCluster directory: String) {
    guard let file = PostmasterFile(inCluster: directory), file.isRunning(inCluster: directory)
    else { return nil }
    self.file = file
    self.directory = directory
  }

  /// Fast shutdown, then immediate shutdown, then the end of its processes; blocks until it has
  /// ended. Throws `startFailed` when it does not end: a second postmaster is never started.
  ///
  /// - Parameter patience: how long the fast shutdown may take.
  func stop(patience: Duration, logger: Logger) throws(EmbeddedPostgreSQLError) {
    logger.notice(
      "stopping the PostgreSQL that a killed server left", metadata: ["pid": "\(file.processID)"])
    for step in [ShutdownStep.fast(within: patience), .immediate, .kill] {
      // Its own shutdown may be done between the check and the signal; nothing else is signalled,
      // as ids are not given out again that fast.
      guard isRunning else { return }
      if step == .kill { logger.warning("it does not stop", metadata: ["next": "\(step)"]) }
      step.take(on: file.processID)
      let deadline = ContinuousClock.now.advanced(by: step.patience)
      while ContinuousClock.now < deadline {
        if !isRunning { return }
        usleep(10_000)
      }
    }
    throw EmbeddedPostgreSQLError(
      .startFailed, "another PostgreSQL, process \(file.processID), runs in \(directory)",
      advice: "stop it by `kill -INT \(file.processID)`")
  }

  private var isRunning: Bool { file.isRunning(inCluster: directory) }
}
