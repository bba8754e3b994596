import MachineModel
import PostgreSQL
import ProgressorEngine

/// What a batch writes, sorted by kind of row: each kind is one set-based statement.
struct CommitPipeline {
  private struct Row<Value> {
    var record: CommitRecord
    var value: Value
  }

  fileprivate struct Change {
    var row: MachineRow
    var auxChanged: Bool
  }

  private var inserts: [Row<MachineRow>] = []
  private var updates: [Row<Change>] = []
  private var pauses: [Row<MachineRow>] = []
  private var condemned: [Row<(failure: Failure, version: Int64)>] = []
  private var requeues: [Row<Timestamp?>] = []
  private var deletes: [Row<Int64>] = []
  private var delivered: [Row<Int64>] = []
  private var rescheduled: [Row<QueuedNotification>] = []
  private var remembered: [Row<IdempotencyRow>] = []
  /// Records with events or notifications to be inserted.
  private var withEvents: [CommitRecord] = []
  private var withNotifications: [CommitRecord] = []

  init(_ batch: CommitBatch) {
    for record in batch.records { sort(record) }
  }

  private mutating func sort(_ record: CommitRecord) {
    if let row = record.idempotency { remembered.append(Row(record: record, value: row)) }
    switch record.row {
    case .insert(let row):
      inserts.append(Row(record: record, value: row))
    case .update(let row, let auxChanged):
      updates.append(Row(record: record, value: Change(row: row, auxChanged: auxChanged)))
    case .pause(let row):
      pauses.append(Row(record: record, value: row))
    case .condemn(let failure, let version):
      condemned.append(Row(record: record, value: (failure, version)))
    case .requeue(let due):
      requeues.append(Row(record: record, value: due))
    case .keep:
      if record.notificationDifference != 0 { requeues.append(Row(record: record, value: nil)) }
    case .delete(let version):
      // With the machine go its events and notifications: those of this record are not written.
      deletes.append(Row(record: record, value: version))
      return
    }
    if !record.events.isEmpty { withEvents.append(record) }
    if !record.enqueued.isEmpty { withNotifications.append(record) }
    if let sequence = record.dequeued { delivered.append(Row(record: record, value: sequence)) }
    if let head = record.rescheduled { rescheduled.append(Row(record: record, value: head)) }
  }

  /// The statements, behind the fence: one transaction up to the Sync. Rows are inserted before
  /// what hangs on them; a machine that was changed is requeued afterwards, so that the earlier of
  /// both due times counts.
  ///
  /// - Parameter limit: of each of them.
  func pipeline(under identity: WriterIdentity, limit: Duration) -> FencedPipeline {
    var pipeline = FencedPipeline(under: identity, limit: limit)
    if !inserts.isEmpty { pipeline.append(Statements.insertMachines, insertParameters) }
    if !updates.isEmpty { pipeline.append(Statements.updateMachines, updateParameters) }
    if !pauses.isEmpty { pipeline.append(Statements.pauseMachines, pauseParameters) }
    if !condemned.isEmpty { pipeline.append(Statements.condemnMachines, condemnedParameters) }
    if !requeues.isEmpty { pipeline.append(Statements.requeueMachines, requeueParameters) }
    if !withEvents.isEmpty { pipeline.append(Statements.insertEvents, eventParameters) }
    if !withNotifications.isEmpty {
      pipeline.append(Statements.insertNotifications, notificationParameters)
    }
    if !delivered.isEmpty {
      pipeline.append(Statements.deleteNotifications, keyed(delivered) { $0.value })
    }
    if !rescheduled.isEmpty {
      var parameters = keyed(rescheduled) { $0.value.sequence }
      parameters.appendRetryStates(rescheduled) { $0.value.retry }
      pipeline.append(Statements.rescheduleNotifications, parameters)
    }
    if !deletes.isEmpty { pipeline.append(Statements.deleteMachines, keyed(deletes) { $0.value }) }
    if !remembered.isEmpty { pipeline.append(Statements.upsertIdempotency, idempotencyParameters) }
    return pipeline
  }

  /// Shard, machine key and one number per row.
  private func keyed<Value>(
    _ rows: [Row<Value>], _ number: (Row<Value>) -> Int64
  ) -> Parameters {
    .with {
      $0.appendArray(rows) { $0.record.shard.number }
      $0.appendArray(rows) { $0.record.key.number }
      $0.appendArray(rows, number)
    }
  }

  private var insertParameters: Parameters {
    .with {
      $0.appendArray(inserts) { $0.record.shard.number }
      $0.appendArray(inserts) { $0.record.key.number }
      $0.appendArray(inserts) { $0.record.namespace.number }
      $0.appendArray(inserts) { $0.record.machine.id }
      $0.appendArray(inserts) { $0.value.version }
      $0.appendArray(inserts) { $0.value.createdAt.sql }
      $0.appendArray(inserts) { $0.value.lastEventID }
      $0.appendArray(inserts) { $0.value.lastEventAt.sql }
      $0.appendArray(inserts) { $0.value.auxState?.formatVersion }
      $0.appendArray(inserts) { $0.value.auxState?.data }
      $0.appendFailuresAndTimers(inserts) { $0.value }
      $0.appendArray(inserts) { $0.record.notificationDifference }
      $0.appendArray(inserts) { $0.record.headIsRetrying ?? false }
      $0.appendArray(inserts) { $0.value.due?.sql }
    }
  }

  private var updateParameters: Parameters {
    .with {
      $0.appendArray(updates) { $0.record.shard.number }
      $0.appendArray(updates) { $0.record.key.number }
      $0.appendArray(updates) { $0.value.row.version }
      $0.appendArray(updates) { $0.value.row.lastEventID }
      $0.appendArray(updates) { $0.value.row.lastEventAt.sql }
      $0.appendArray(updates) { $0.value.auxChanged }
      $0.appendArray(updates) { $0.value.newAuxState?.formatVersion }
      $0.appendArray(updates) { $0.value.newAuxState?.data }
      $0.appendFailuresAndTimers(updates) { $0.value.row }
      $0.appendArray(updates) { $0.record.notificationDifference }
      $0.appendArray(updates) { $0.record.headIsRetrying }
      $0.appendArray(updates) { $0.value.row.due?.sql }
    }
  }

  private var pauseParameters: Parameters {
    .with {
      $0.appendArray(pauses) { $0.record.shard.number }
      $0.appendArray(pauses) { $0.record.key.number }
      $0.appendArray(pauses) { $0.value.version }
      $0.appendArray(pauses) { $0.value.pause?.pausedAt.sql }
      $0.appendArray(pauses) { $0.value.pause?.reason }
      $0.appendArray(pauses) { $0.value.due?.sql }
    }
  }

  private var condemnedParameters: Parameters {
    var parameters = keyed(condemned) { $0.value.version }
    parameters.appendFailures(condemned) { $0.value.failure }
    return parameters
  }

  private var requeueParameters: Parameters {
    .with {
      $0.appendArray(requeues) { $0.record.shard.number }
      $0.appendArray(requeues) { $0.record.key.number }
      $0.appendArray(requeues) { $0.record.notificationDifference }
      $0.appendArray(requeues) { $0.value?.sql }
    }
  }

  private var eventParameters: Parameters {
    let events = withEvents.lazy.flatMap { record in
      record.events.lazy.map { (record: record, event: $0) }
    }
    return .with {
      $0.appendArray(events) { $0.record.shard.number }
      $0.appendArray(events) { $0.record.key.number }
      $0.appendArray(events) { $0.event.id }
      $0.appendArray(events) { $0.event.createdAt.sql }
      $0.appendArray(events) { $0.event.body.formatVersion }
      $0.appendArray(events) { $0.event.body.data }
    }
  }

  private var notificationParameters: Parameters {
    let accepted = withNotifications.lazy.flatMap { record in
      record.enqueued.lazy.map { (record: record, notification: $0) }
    }
    return .with {
      $0.appendArray(accepted) { $0.record.shard.number }
      $0.appendArray(accepted) { $0.record.key.number }
      $0.appendArray(accepted) { $0.notification.sequence }
      $0.appendArray(accepted) { $0.notification.notificationID }
      $0.appendArray(accepted) { $0.notification.args }
      $0.appendRanges(accepted) { $0.notification.historyRange }
      $0.appendArray(accepted) { $0.notification.context.text }
      $0.appendArray(accepted) { $0.notification.acceptedAt.sql }
      $0.appendRetryStates(accepted) { $0.notification.retry }
    }
  }

  private var idempotencyParameters: Parameters {
    .with {
      $0.appendArray(remembered) { $0.record.shard.number }
      $0.appendArray(remembered) { $0.record.namespace.number }
      $0.appendArray(remembered) { $0.record.machine.id }
      $0.appendArray(remembered) { $0.value.key }
      $0.appendArray(remembered) { $0.value.fingerprint }
      $0.appendArray(remembered) { $0.value.reply.kind }
      $0.appendArray(remembered) { $0.value.reply.data }
      $0.appendArray(remembered) { $0.value.expiresAt.sql }
    }
  }
}

extension CommitPipeline.Change {
  /// Nothing is sent of an aux state that stays as it is.
  fileprivate var newAuxState: Content? { auxChanged ? row.auxState : nil }
}

extension CommitRecord {
  /// By how much the record changes the number of queued notifications.
  fileprivate var notificationDifference: Int32 {
    Int32(clamping: enqueued.count) - (dequeued == nil ? 0 : 1)
  }

  /// Whether the head of the queue backs off after this step; nil = the step does not change that.
  fileprivate var headIsRetrying: Bool? {
    if let rescheduled { return rescheduled.retry != nil }
    return dequeued == nil ? nil : false
  }
}
