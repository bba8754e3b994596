import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("The state of the cluster")
  struct ClusterStateTests {
    @Test("Each node says its name, address and version, and who answers is known")
    func nodes() async throws {
      let test = try await TestStorage.owner {
        ($0.nodeName, $0.nodeAddress, $0.nodeVersion) = ("b", "host:1", "9.9.9")
      }
      defer { test.storage.stop() }
      let standby = try TestStorage(database: test.database) { $0.nodeName = "a" }
      defer { standby.storage.stop() }
      try await eventually("a lease of its own") { standby.storage.leaseNode != nil }
      let state = try await test.storage.clusterState()
      #expect(state.nodes.map(\.name) == ["a", "b"])
      #expect(state.nodes.map(\.shards) == [0, 8])
      #expect(state.nodes.map(\.isSelf) == [false, true])
      #expect(state.nodes.map(\.address) == ["", "host:1"])
      #expect(state.nodes[1].version == "9.9.9")
      #expect(state.nodes.allSatisfy { $0.leaseUntil > $0.startedAt })
      #expect(state.shards == 8 && state.unownedShards == 0)
      #expect(state.database.sizeBytes > 1_000_000)
      #expect(try await standby.storage.clusterState().nodes.map(\.isSelf) == [true, false])
    }

    @Test("A lease that is over leaves its shards to nobody, and its node is shown")
    func over() async throws {
      // It looks for others that are over with each renewal only.
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(120) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        """
        INSERT INTO node (id, expires_at, name, schema_version)
        VALUES ('00000000-0000-0000-0000-000000000001', '-infinity', 'gone', 10);
        UPDATE shard SET owner = '00000000-0000-0000-0000-000000000001' WHERE shard < 3;
        UPDATE shard SET owner = NULL WHERE shard = 3
        """, timeout: .seconds(10))
      let state = try await test.storage.clusterState()
      let gone = state.nodes.first { $0.name == "gone" }
      #expect(gone?.shards == 3)
      #expect(gone?.leaseUntil == gone?.startedAt)
      #expect(state.unownedShards == 4)
    }

    @Test("The oldest transaction of others is seen")
    func transaction() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript("BEGIN; SELECT pg_sleep(1.1)", timeout: .seconds(10))
      #expect(try await test.storage.clusterState().database.oldestTransaction >= 1)
      try connection.runScript("COMMIT", timeout: .seconds(10))
    }
  }
}
