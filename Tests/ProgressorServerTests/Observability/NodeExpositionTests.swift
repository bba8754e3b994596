import ProgressorEngine
import ProgressorStorage
import PrometheusMetrics
import Testing

@testable import GRPC
@testable import ProgressorServer

@Suite("A node's metrics")
struct NodeExpositionTests {
  private func lines(_ statistics: NodeStatistics) -> [String] {
    var exposition = Exposition()
    NodeExposition(statistics).write(to: &exposition)
    return exposition.text.split(separator: "\n").map(String.init)
  }

  private func statistics(namespaces: Int) -> NodeStatistics {
    var engine = EngineStatistics()
    engine.requests = 3
    engine.maximumRequests = 10
    engine.refusedBeforehand = 2
    engine.namespaces = (0..<namespaces).map { number in
      var namespace = NamespaceStatistics(
        name: "n\(number)", number: NamespaceNumber(Int32(number)))
      namespace.due = 1
      return namespace
    }
    var server = ServerStatistics()
    server.maxConnections = 7
    server.connectionsRefused = 1
    return NodeStatistics(
      engine: engine, storage: StorageStatus(), isServing: true, server: server)
  }

  @Test("show every limit: what it is, what is used of it, what was refused")
  func limits() {
    let lines = lines(statistics(namespaces: 1))
    for line in [
      "progressor_limit{limit=\"requests\"} 10", "progressor_limit_used{limit=\"requests\"} 3",
      "progressor_limit_refusals_total{limit=\"requests\"} 2",
      "progressor_limit{limit=\"connections\"} 7",
      "progressor_limit_refusals_total{limit=\"connections\"} 1",
      "progressor_namespace_limit{namespace=\"n0\",limit=\"requests\"} 7",
      "progressor_serving 1", "progressor_storage_available 0",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  @Test("have a bounded number of series, however many namespaces there are")
  func bounded() {
    let few = lines(statistics(namespaces: NodeExposition.maximumNamespaces + 1))
    let many = lines(statistics(namespaces: NodeExposition.maximumNamespaces + 50))
    #expect(few.count == many.count)
    #expect(many.contains("progressor_namespace_machines_due{namespace=\"\"} 50"))
  }

  @Test("name each family once, with its samples behind it")
  func families() {
    let lines = lines(statistics(namespaces: 3))
    var seen: Set<String> = []
    var family = ""
    for line in lines where !line.hasPrefix("# HELP") {
      if line.hasPrefix("# TYPE ") {
        family = String(line.split(separator: " ")[2])
        #expect(seen.insert(family).inserted, "\(family)")
      } else {
        #expect(line.hasPrefix(family), "\(line)")
      }
    }
  }
}
