import ProgressorEngine
import ProgressorStorage
import PrometheusMetrics
import Testing

@testable import ProgressorServer

@Suite("What the lookout saw, as metrics")
struct SeenExpositionTests {
  private func lines(_ seen: Seen, at uptime: Int64) -> [String] {
    var exposition = Exposition()
    SeenExposition(seen, at: uptime).write(to: &exposition)
    return exposition.text.split(separator: "\n").map(String.init)
  }

  private func census(_ count: Int) -> [NamespaceCensus] {
    (0..<count).map { number in
      var one = NamespaceCensus(name: "n\(number)", number: NamespaceNumber(Int32(number)))
      one.failed = 3
      one.oldestDue = 1_500_000 + Int64(number)
      one.queuedNotifications = 7
      return one
    }
  }

  @Test("is shown as long as it is true, and how old it is beyond that")
  func age() {
    let seen = Seen(census: census(1), censusAt: 1_000_000)
    let fresh = lines(seen, at: 16_000_000)
    for line in [
      "progressor_namespace_machines{namespace=\"n0\",status=\"failed\"} 3",
      "progressor_namespace_machines{namespace=\"n0\",status=\"paused\"} 0",
      "progressor_namespace_oldest_due_seconds{namespace=\"n0\"} 1.5",
      "progressor_namespace_queued_notifications{namespace=\"n0\"} 7",
      "progressor_census_age_seconds 15", "progressor_watchdog_late_namespaces 0",
    ] { #expect(fresh.contains(line), "\(line)") }
    let old = lines(seen, at: 16_000_001)
    #expect(!old.contains { $0.contains("namespace=") })
    #expect(old.contains { $0.hasPrefix("progressor_census_age_seconds 15.") })
  }

  @Test("has a bounded number of series, the rest together without a name")
  func bounded() {
    let most = NodeExposition.maximumNamespaces
    let seen = Seen(census: census(most + 3), censusAt: 0)
    let lines = lines(seen, at: 0)
    #expect(lines.contains("progressor_namespace_machines{namespace=\"\",status=\"failed\"} 9"))
    #expect(
      lines.contains("progressor_namespace_oldest_due_seconds{namespace=\"\"} 1.500102"))
    #expect(lines.count { $0.hasPrefix("progressor_namespace_late_machines{") } == most + 1)
  }

  @Test("says how far consumers of the feed are behind, as long as that is true")
  func lags() {
    let lag = FeedLag(consumer: "billing", entries: 12, age: 1_500_000)
    let seen = Seen(lags: [lag], censusAt: 0)
    let fresh = lines(seen, at: 0)
    #expect(fresh.contains("progressor_feed_lag_entries{consumer=\"billing\"} 12"))
    #expect(fresh.contains("progressor_feed_lag_seconds{consumer=\"billing\"} 1.5"))
    #expect(!lines(seen, at: 15_000_001).contains { $0.contains("billing") })
  }

  @Test("names the namespaces that are late")
  func late() {
    let seen = Seen(late: [Seen.Late(namespace: "é", age: 12_500_000)])
    let lines = lines(seen, at: 0)
    #expect(lines.contains("progressor_watchdog_late_namespaces 1"))
    #expect(lines.contains("progressor_namespace_late_seconds{namespace=\"é\"} 12.5"))
    #expect(!lines.contains { $0.hasPrefix("progressor_census_age_seconds") })
  }
}
