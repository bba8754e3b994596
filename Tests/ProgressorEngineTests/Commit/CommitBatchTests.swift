import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Batches")
struct CommitBatchTests {
  private func bytes(remembering reply: StoredReply?) -> Int {
    CommitRecord(
      shard: ShardID(0), namespace: NamespaceNumber(1),
      machine: MachineID(namespace: "n", id: "m"), key: MachineKey(1),
      idempotency: reply.map {
        IdempotencyRow(key: "k", fingerprint: [], reply: $0, expiresAt: .earliest)
      }
    ).bytes
  }

  @Test("A response that is remembered counts towards the bytes of its batch")
  func rememberedReplies() {
    let response = [UInt8](repeating: 0, count: 10_000)
    let least = bytes(remembering: nil) + response.count
    #expect(bytes(remembering: .called(response: response)) >= least)
    #expect(bytes(remembering: .repaired(response: response)) >= least)
  }
}
