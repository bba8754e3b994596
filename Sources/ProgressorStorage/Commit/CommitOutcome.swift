import MachineModel
import PostgreSQL
import ProgressorEngine

/// What one attempt to write a batch came to.
enum CommitOutcome {
  case committed
  /// The fault of a step in the batch: repeating it is useless.
  case refused(CommitRefusal)
  /// The fault of a step, if the database takes what others write. Certainly not written.
  case suspect(CommitRefusal.Fault, PostgreSQLError)
  /// The lease is over.
  case fenced
  /// A serialization failure or deadlock (PostgreSQL manual, 13.5): the same batch at once.
  case again(PostgreSQLError)
  /// The database does not take the batch now. Certainly not written.
  case unavailable(PostgreSQLError)
  /// The session was lost: it may be written. Fence, then read.
  case unknown(PostgreSQLError)
  /// The session was lost, or none came about, before the batch was sent: nothing new is known of
  /// it.
  case unsent(PostgreSQLError)
  /// The outcome was unknown as often as it may be, and each time the batch was not written. It was
  /// not tried again.
  case givenUp

  /// Who is at fault, by SQLSTATE (PostgreSQL manual, appendix A). Only what the data itself causes
  /// is ever a step's fault: a full disk must not make a machine fail.
  ///
  /// - Parameter isOverdue: the time of the batch was over when it was cancelled.
  init(_ error: PostgreSQLError, isOverdue: Bool = false) {
    if error.isOutcomeUnknown {
      self = .unknown(error)
      return
    }
    guard error.scope == .statement, let state = error.sqlState else {
      self = .unavailable(error)
      return
    }
    if error.raised == .fenced {
      self = .fenced
    } else if error.raised == .unexpectedCount {
      self = .refused(CommitRefusal(.conflict, error))
    } else if error.raised == .namespaceGone {
      self = .refused(CommitRefusal(.namespaceGone, error))
    } else if state == .uniqueViolation {
      self = .refused(CommitRefusal(.duplicate, error))
    } else if state.isDataFault || !Safeguard.sqlStateClasses.isOn {
      self = .refused(CommitRefusal(.contents, error))
    } else if state.isRetryable {
      self = .again(error)
    } else if state == .lockNotAvailable || (state == .queryCanceled && isOverdue) {
      self = .suspect(.overdue, error)
    } else if !state.isDamage, state.isOfServer || state.isOfSession || state.isMisfit {
      self = .unavailable(error)
    } else {
      // Damage, or what neither the server nor a misfit says: an operator's trigger, for example.
      self = .suspect(.contents, error)
    }
  }
}

extension CommitRefusal {
  init(_ fault: Fault, _ error: PostgreSQLError) {
    self.init(fault, code: error.sqlState?.code ?? "none", message: error.message)
  }
}
