import MachineModel
import PostgreSQL
import ProgressorEngine

// Columns that several kinds of rows have.

extension Column {
  static var shard: Column { Column("shard") { $0.shard.number } }

  static var machineKey: Column { Column("machine_key") { $0.key.number } }

  static var namespace: Column { Column("namespace") { $0.namespace.number } }

  /// When a machine failed and why; failed_at NULL = it works.
  static func failure(_ failure: @escaping @Sendable (Value) -> Failure?) -> [Column] {
    [
      Column("failed_at") { failure($0.value)?.failedAt.sql },
      Column("failure_reason") { failure($0.value)?.reason.withoutNUL },
      Column("failure_step") { failure($0.value)?.stepKind.rawValue },
      Column("failure_code") { failure($0.value)?.code },
      Column("failure_attempts") { failure($0.value)?.attempts },
    ]
  }

  /// Of the step that failed a machine; token NULL = it had none.
  static func failedStep(_ failure: @escaping @Sendable (Value) -> Failure?) -> [Column] {
    [
      Column("failure_token") { failure($0.value).flatMap { $0.step.isEmpty ? nil : $0.step } },
      Column("failure_principal") { failure($0.value)?.principal?.withoutNUL },
    ]
  }

  /// The timer of a machine; timer_at NULL = none.
  static func timer(_ timer: @escaping @Sendable (Value) -> TimerRow?) -> [Column] {
    let setting = [
      Column("timer_serial") { timer($0.value)?.serial },
      Column("timer_at") { timer($0.value)?.firesAt.sql },
    ]
    let call = [
      Column("timer_processing_timeout") { timer($0.value)?.processingTimeout },
      Column("timer_context") { timer($0.value)?.context.text },
    ]
    return setting + range("timer_") { timer($0)?.historyRange } + call
      + retryState("timer_") { timer($0)?.retry }
  }

  /// What a processor is shown of the history; direction NULL = no range was given.
  ///
  /// - Parameter prefix: of the names.
  static func range(
    _ prefix: String, _ range: @escaping @Sendable (Value) -> HistoryRange?
  ) -> [Column] {
    [
      Column(prefix + "after") { range($0.value)?.after },
      Column(prefix + "limit") { range($0.value)?.limit },
      Column(prefix + "direction") { range($0.value)?.direction.rawValue },
    ]
  }

  /// How often it was tried, and when again; attempt NULL = not tried.
  ///
  /// - Parameter prefix: of the names.
  static func retryState(
    _ prefix: String = "", _ state: @escaping @Sendable (Value) -> RetryState?
  ) -> [Column] {
    [
      Column(prefix + "attempt") { state($0.value)?.attempt },
      Column(prefix + "next_at") { state($0.value)?.nextAttemptAt.sql },
      Column(prefix + "code") { state($0.value)?.lastCode },
      Column(prefix + "message") { state($0.value)?.lastMessage.withoutNUL },
    ]
  }
}
