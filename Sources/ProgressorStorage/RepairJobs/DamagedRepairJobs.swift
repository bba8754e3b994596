import Logging
import MachineModel
import PostgreSQL
import Synchronization

/// The repair jobs whose rows cannot be read: the log names each once, until it can be read again.
/// Safe from any thread.
final class DamagedRepairJobs: Sendable {
  private let logger: Logger
  /// By number, why.
  private let told = Mutex<[Int64: String]>([:])

  /// Beyond it some are told again.
  private static let capacity = 1_000

  init(logger: Logger) {
    self.logger = logger
  }

  /// - Parameter id: nil = not even that can be read.
  func found(_ number: Int64, id: String?, _ error: PostgreSQLError) {
    let isNews = told.withLock { told in
      if told[number] == error.message { return false }
      if told.count >= Self.capacity { told = [:] }
      told[number] = error.message
      return true
    }
    guard isNews else { return }
    logger.error(
      "a repair job is damaged in the database, and not worked on: mend its row or delete it",
      metadata: ["job": "\(id ?? "")", "number": "\(number)", "error": "\(error.message)"])
  }

  /// The job could be read.
  func isSound(_ number: Int64) {
    told.withLock { _ = $0.removeValue(forKey: number) }
  }
}

extension PostgreSQLError {
  /// What is stored is the cause, not the database's being away.
  var isOfStoredRows: Bool {
    scope == .unexpectedValue || (scope == .statement && isDamage)
  }
}

extension ProgressorError {
  static func damagedRepairJob(_ error: PostgreSQLError) -> ProgressorError {
    ProgressorError(
      .internal, .dataDamaged,
      "rows of the repair job, or of machines that it is about, cannot be read: \(error.message)")
  }
}
