import MachineModel
import Testing

@testable import progressor

@Suite("The state of a cluster, printed")
struct ClusterOutputTests {
  private static let now = Timestamp(microseconds: 1_700_000_000_000_000)

  private static func node(
    _ name: String, lease seconds: Int64, shards: Int32 = 0, isSelf: Bool = false
  ) -> ClusterNode {
    ClusterNode(
      id: name, name: name, address: isSelf ? "h:1" : "", startedAt: now,
      leaseUntil: now.advanced(byMicroseconds: seconds * 1_000_000), shards: shards,
      isSelf: isSelf)
  }

  private func lines(_ state: ClusterState) -> [String] {
    ClusterOutput.lines(state, now: Self.now, width: nil).map(\.text)
  }

  @Test("Each node is a line; what it did not say is a dash, and names steer no terminal")
  func nodes() {
    let state = ClusterState(
      nodes: [
        Self.node("a", lease: 8, shards: 1_000, isSelf: true), Self.node("b\u{1b}", lease: -3),
      ], shards: 1_024, unownedShards: 24,
      database: ClusterDatabase(
        version: "15.4", sizeBytes: 3 << 29, oldestTransaction: 7_300))
    #expect(
      lines(state) == [
        "\tNODE\tADDRESS\tSHARDS\tLEASE\tVERSION\tSTARTED",
        "*\ta\th:1\t1000\t8 s\t-\t2023-11-14T22:13:20Z",
        "\tb\\u{1b}\t-\t0\tover\t-\t2023-11-14T22:13:20Z",
        "shards    1024, 24 of them owned by no living node",
        "database  PostgreSQL 15.4, 1.5 GiB",
        "          its oldest transaction is open for 2 h",
      ])
  }

  @Test("What is well is said in few words")
  func well() {
    let state = ClusterState(
      nodes: [], shards: 8, unownedShards: 0,
      database: ClusterDatabase(version: "13", sizeBytes: 0, oldestTransaction: 0.2))
    #expect(
      lines(state).suffix(2) == [
        "shards    8, all owned by living nodes", "database  PostgreSQL 13, size unknown",
      ])
  }

  @Test("Sizes and times in the unit that suits them")
  func units() {
    #expect(ClusterOutput.size(10_240) == "10 KiB")
    #expect(ClusterOutput.size(1 << 20) == "1.0 MiB")
    #expect(ClusterOutput.size(.max) == "8388608.0 TiB")
    #expect(
      [0, 119.4, 120, 7_200, 200_000].map(ClusterOutput.duration) == [
        "0 s", "119 s", "2 min", "2 h", "2 d",
      ])
    #expect(ClusterOutput.duration(.infinity) == "11574074074 d")
    #expect(ClusterOutput.duration(.nan) == "0 s")
  }

  @Test("The JSON form has the contract's names")
  func json() {
    let state = ClusterState(
      nodes: [Self.node("a", lease: 1, isSelf: true)], shards: 8, unownedShards: 0,
      database: ClusterDatabase(version: "13", sizeBytes: 5))
    let text = ClusterOutput.json(state).text()
    for part in [
      "\"shardsUnowned\": 0", "\"sizeBytes\": \"5\"", "\"self\": true",
      "\"leaseUntil\": \"2023-11-14T22:13:21", "\"oldestTransactionSeconds\": 0.0",
    ] { #expect(text.contains(part), "\(part)") }
  }
}
