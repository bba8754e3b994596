import ProgressorEngine
import ProgressorStorage
import PrometheusMetrics

/// What the lookout saw, as Prometheus' text.
struct SeenExposition {
  private let seen: Seen
  private let uptime: Int64
  /// Those with labels of their own, and all others together under an empty name.
  private let shown: [NamespaceCensus]

  /// - Parameter uptime: Now.
  init(_ seen: Seen, at uptime: Int64) {
    self.seen = seen
    self.uptime = uptime
    let all = seen.census(at: uptime)
    let others = all.dropFirst(NodeExposition.maximumNamespaces)
    var shown = Array(all.prefix(NodeExposition.maximumNamespaces))
    if let first = others.first {
      let sum = others.reduce(into: NamespaceCensus(name: "", number: first.number)) {
        $0.failed += $1.failed
        $0.retrying += $1.retrying
        $0.paused += $1.paused
        $0.late += $1.late
        $0.queuedNotifications += $1.queuedNotifications
        $0.oldestDue = max($0.oldestDue, $1.oldestDue)
      }
      shown.append(sum)
    }
    self.shown = shown
  }

  func write(to exposition: inout Exposition) {
    exposition.family(
      "progressor_census_age_seconds", .gauge,
      "How old the counts of machines are; without any after 15 seconds.")
    if let age = seen.age(at: uptime) { exposition.sample(Double(age) / 1e6) }
    exposition.family(
      "progressor_namespace_machines", .gauge,
      "Machines that are failed, retrying or paused, up to 100,000 of each. One node counts.")
    for one in shown {
      for (status, count) in [
        ("failed", one.failed), ("retrying", one.retrying), ("paused", one.paused),
      ] { exposition.sample(count, [("namespace", one.name), ("status", status)]) }
    }
    typealias Value = (NamespaceCensus) -> Double
    let gauges: [(String, Value, String)] = [
      (
        "progressor_namespace_oldest_due_seconds", { Double($0.oldestDue) / 1e6 },
        "How long something is due that is due for longest and has not run; 0 = nothing."
      ),
      (
        "progressor_namespace_late_machines", { Double($0.late) },
        "Machines that are due for 10 seconds or more, up to 100,000."
      ),
      (
        "progressor_namespace_queued_notifications", { Double($0.queuedNotifications) },
        "Notifications that were accepted and are not delivered, of up to 100,000 machines."
      ),
    ]
    for (name, value, help) in gauges {
      exposition.family(name, .gauge, help)
      for one in shown { exposition.sample(value(one), [("namespace", one.name)]) }
    }
    writeTables(to: &exposition)
    writeLags(to: &exposition)
    writeLate(to: &exposition)
  }

  private func writeTables(to exposition: inout Exposition) {
    let tables = seen.tables(at: uptime)
    exposition.family(
      "progressor_retained_rows", .gauge,
      "About how many rows a table has whose rows are deleted when their time is over.")
    for table in tables { exposition.sample(table.rows, [("table", table.name)]) }
    exposition.family(
      "progressor_retained_bytes", .gauge, "Its size on the disk, indexes included.")
    for table in tables { exposition.sample(table.bytes, [("table", table.name)]) }
  }

  private func writeLags(to exposition: inout Exposition) {
    let lags = seen.lags(at: uptime)
    exposition.family(
      "progressor_feed_lag_entries", .gauge,
      "Entries of the feed that a consumer has not acknowledged. One node counts.")
    for lag in lags { exposition.sample(lag.entries, [("consumer", lag.consumer)]) }
    exposition.family(
      "progressor_feed_lag_seconds", .gauge,
      "How long ago the oldest of them was committed; 0 = there are none.")
    for lag in lags { exposition.sample(Double(lag.age) / 1e6, [("consumer", lag.consumer)]) }
  }

  private func writeLate(to exposition: inout Exposition) {
    exposition.family(
      "progressor_watchdog_late_namespaces", .gauge,
      "Namespaces in which something waits for 10 seconds or more that nothing holds back.")
    exposition.sample(seen.late.count)
    exposition.family(
      "progressor_namespace_late_seconds", .gauge,
      "How long something waits that nothing holds back, of namespaces that are late.")
    for late in seen.late.prefix(NodeExposition.maximumNamespaces) {
      exposition.sample(Double(late.age) / 1e6, [("namespace", late.namespace)])
    }
  }
}
