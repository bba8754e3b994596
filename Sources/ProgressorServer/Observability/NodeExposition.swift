import ProgressorEngine
import ProgressorStorage
import PrometheusMetrics

/// A node's statistics as Prometheus' text.
struct NodeExposition {
  private let statistics: NodeStatistics
  /// Namespaces that have labels of their own.
  private let shown: [NamespaceStatistics]
  /// All other namespaces together; nil = there are none.
  private let others: NamespaceStatistics?

  /// Namespaces with labels of their own; the first that were created. The others are one series
  /// each, with an empty name, so that the number of series is bounded.
  static let maximumNamespaces = 100

  init(_ statistics: NodeStatistics) {
    self.statistics = statistics
    let all = statistics.engine?.namespaces ?? []
    shown = Array(all.prefix(NodeExposition.maximumNamespaces))
    others = all.dropFirst(NodeExposition.maximumNamespaces).reduce(nil) { sum, next in
      var sum = sum ?? NamespaceStatistics(name: "", number: next.number)
      sum.waiting += next.waiting
      sum.active += next.active
      sum.due += next.due
      sum.parked += next.parked
      sum.hasBacklog = sum.hasBacklog || next.hasBacklog
      sum.counts.add(next.counts)
      return sum
    }
  }

  func write(to exposition: inout Exposition) {
    exposition.family("progressor_build_info", .gauge, "The version.")
    exposition.sample(1, [("version", Version.current)])
    exposition.family("progressor_serving", .gauge, "1 = machines are served by this node.")
    exposition.sample(statistics.isServing ? 1 : 0)
    exposition.family(
      "progressor_storage_available", .gauge,
      "1 = the database answers on every session, the lease is held, every batch is taken.")
    exposition.sample(statistics.storage.isAvailable ? 1 : 0)
    exposition.family(
      "progressor_storage_sessions_missing", .gauge,
      "Sessions with the database that are needed and cannot be had; the log says why.")
    exposition.sample(statistics.storage.missingSessions)
    exposition.family(
      "progressor_swept_rows_total", .counter,
      "Rows that this node has deleted when their time was over.")
    for table in SweptRows.Table.allCases {
      exposition.sample(statistics.storage.swept[table], [("table", table.rawValue)])
    }
    LimitsExposition(statistics, namespaces: shown).write(to: &exposition)
    if let access = statistics.access { AccessExposition(access).write(to: &exposition) }
    if let engine = statistics.engine {
      write(engine, to: &exposition)
      writeMessages(of: engine, to: &exposition)
    }
    SinkExposition(statistics.sinks).write(to: &exposition)
    SeenExposition(statistics.seen, at: NodeClock.uptime()).write(to: &exposition)
    writeNamespaces(to: &exposition)
  }

  private func write(_ engine: EngineStatistics, to exposition: inout Exposition) {
    let gauges: [(String, Int, String)] = [
      ("progressor_shards_owned", engine.shards, "Shards that this node owns; 0 = a standby."),
      ("progressor_machines_resident", engine.machines, "Machines in memory."),
      ("progressor_timers_in_memory", engine.timers, "Timers and retries that come due soon."),
      ("progressor_commit_records_waiting", engine.recordsWaiting, "Steps not yet durable."),
      (
        "progressor_commit_machines_held", engine.heldMachines,
        "Machines whose step cannot be written now, while others can be; it is tried again."
      ),
      (
        "progressor_commit_writers_delayed", engine.delayedWriters,
        "Writers whose batch the database does not take."
      ),
    ]
    for (name, value, help) in gauges {
      exposition.family(name, .gauge, help)
      exposition.sample(value)
    }
    exposition.family(
      "progressor_lease_remaining_seconds", .gauge, "How long the lease is still trusted.")
    exposition.sample(Double(engine.leaseRemaining) / 1e6)
    let counters: [(String, UInt64, String)] = [
      (
        "progressor_slow_turns_total", engine.slowTurns,
        "Turns of the engine's loop that took more than 250 ms; the log says what they did."
      ),
      (
        "progressor_evictions_total", engine.counts.evictions, "Machines that left memory for room."
      ),
      ("progressor_commit_batches_total", engine.counts.batches, "Transactions of steps."),
      ("progressor_commit_records_total", engine.counts.records, "Steps in those transactions."),
      (
        "progressor_commit_batches_refused_total", engine.counts.batchesRefused,
        "Transactions that the database refused."
      ),
      (
        "progressor_commit_batches_delayed_total", engine.counts.batchesDelayed,
        "Transactions that the database did not take at once."
      ),
      (
        "progressor_commit_answers_given_up_total", engine.counts.answersGivenUp,
        "Answers of processors that could not be written, and for which there was no room."
      ),
    ]
    for (name, value, help) in counters {
      exposition.family(name, .counter, help)
      exposition.sample(value)
    }
    exposition.family(
      "progressor_commit_duration_seconds", .histogram, "From a full batch to its being durable.")
    exposition.histogram(engine.counts.commitDurations)
    exposition.family(
      "progressor_timer_lateness_seconds", .histogram,
      "From the time of a timer, or of its retry, to the call of its processor.")
    exposition.histogram(engine.counts.timerLateness)
  }

  private func writeMessages(of engine: EngineStatistics, to exposition: inout Exposition) {
    let gauges: [(String, Int, String)] = [
      (
        "progressor_messages_in_memory", engine.messages,
        "Messages of machines that are due, or come due soon."
      ),
      ("progressor_messages_due", engine.messagesDue, "Messages whose time has come."),
      ("progressor_messages_under_way", engine.messagesUnderWay, "Messages on their way."),
    ]
    for (name, value, help) in gauges {
      exposition.family(name, .gauge, help)
      exposition.sample(value)
    }
    let counters: [(String, UInt64, String)] = [
      ("progressor_messages_sent_total", engine.counts.messagesSent, "Messages of durable steps."),
      (
        "progressor_messages_delivered_total", engine.counts.messagesDelivered,
        "Messages that had their effect."
      ),
      (
        "progressor_messages_retried_total", engine.counts.messagesRetried,
        "Deliveries of messages that failed and are tried again."
      ),
      (
        "progressor_messages_undelivered_total", engine.counts.messagesUndelivered,
        "Messages that can never be delivered."
      ),
    ]
    for (name, value, help) in counters {
      exposition.family(name, .counter, help)
      exposition.sample(value)
    }
    exposition.family(
      "progressor_message_lateness_seconds", .histogram,
      "From the time of a message to the reply to it.")
    exposition.histogram(engine.counts.messageLateness)
  }

  private func writeNamespaces(to exposition: inout Exposition) {
    let all = shown + (others.map { [$0] } ?? [])
    typealias Value = (NamespaceStatistics) -> Int
    let gauges: [(String, Value, String)] = [
      (
        "progressor_namespace_steps_waiting", { $0.waiting },
        "Steps that wait for the namespace's limits."
      ),
      (
        "progressor_namespace_machines_active", { $0.active },
        "Machines with a timeout or delivery under way."
      ),
      (
        "progressor_namespace_machines_due", { $0.due },
        "Machines that are due and wait for their turn, in memory."
      ),
      (
        "progressor_namespace_machines_parked", { $0.parked },
        "Machines that wait for an endpoint, or for the end of a pause, in memory."
      ),
      (
        "progressor_namespace_backlog", { $0.hasBacklog ? 1 : 0 },
        "1 = more machines are due than memory holds."
      ),
    ]
    for (name, value, help) in gauges {
      exposition.family(name, .gauge, help)
      for one in all { exposition.sample(value(one), [("namespace", one.name)]) }
    }
    exposition.family(
      "progressor_namespace_steps_waited_total", .counter,
      "Steps that had to wait for the namespace's limits.")
    for one in all { exposition.sample(one.counts.waited, [("namespace", one.name)]) }
    exposition.family(
      "progressor_namespace_steps_total", .counter, "Steps that ended, by kind and result.")
    for one in all { writeSteps(one, to: &exposition) }
    exposition.family(
      "progressor_namespace_processor_calls_total", .counter,
      "Calls of the processor, by what its answer meant.")
    // Who has no traffic has no series.
    let called = all.filter { $0.counts.calls.contains { $0 > 0 } }
    for one in called {
      for outcome in NamespaceCounts.CallOutcome.allCases {
        exposition.sample(
          one.counts.calls[outcome.rawValue],
          [("namespace", one.name), ("outcome", "\(outcome)")])
      }
    }
    exposition.family(
      "progressor_namespace_processor_call_duration_seconds", .histogram,
      "From a call of the processor to its answer.")
    for one in called {
      exposition.histogram(one.counts.callDurations, [("namespace", one.name)])
    }
  }

  /// Combinations that never came are left out.
  private func writeSteps(_ one: NamespaceStatistics, to exposition: inout Exposition) {
    for step in NamespaceCounts.Step.allCases {
      for result in NamespaceCounts.Result.allCases {
        let count = one.counts.steps(step, result)
        if count == 0 { continue }
        exposition.sample(
          count, [("namespace", one.name), ("step", "\(step)"), ("result", "\(result)")])
      }
    }
  }
}

extension Exposition {
  fileprivate mutating func histogram(_ distribution: Distribution, _ labels: Labels = []) {
    histogram(
      bounds: Distribution.bounds.map { Double($0) / 1e6 }, counts: distribution.counts,
      sum: Double(distribution.sum) / 1e6, labels)
  }
}
