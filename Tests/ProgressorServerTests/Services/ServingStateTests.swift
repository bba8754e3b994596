import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorServer

@Suite("Whether a node serves")
struct ServingStateTests {
  private func serving() -> ServingState {
    var state = ServingState()
    state.observe(.leaseRenewed(until: 100))
    state.observe(.shardsAcquired([ShardGrant(shard: ShardID(1), epoch: 1)]))
    return state
  }

  @Test("it does with a lease and shards, until the lease ends")
  func leaseAndShards() {
    #expect(!ServingState().isServing(at: 0))
    let state = serving()
    #expect(state.isServing(at: 99))
    #expect(state.endsServing(at: 99) == 100)
    #expect(!state.isServing(at: 100))
    #expect(state.endsServing(at: 100) == nil)
  }

  @Test("a standby without shards does not")
  func standby() {
    var state = ServingState()
    state.observe(.leaseRenewed(until: 100))
    #expect(!state.isServing(at: 0))
    state = serving()
    state.observe(.shardsLost([ShardID(1)]))
    #expect(!state.isServing(at: 0))
  }

  @Test("it does not while the database takes no batch, and does again when it has")
  func delayed() {
    var state = serving()
    state.observe(.commitDelayed(BatchID(1)))
    state.observe(.commitDelayed(BatchID(2)))
    state.observe(.committed(BatchID(1)))
    #expect(!state.isServing(at: 0))
    state.observe(.refused(BatchID(2), CommitRefusal(.contents, code: "22000", message: "")))
    #expect(state.isServing(at: 0))
  }

  @Test("a node that stops serves no more, whatever happens")
  func stopping() {
    var state = serving()
    state.isStopping = true
    state.observe(.leaseRenewed(until: 1_000))
    #expect(!state.isServing(at: 0))
  }

  @Test("who asks why not is told, while it does not")
  func obstacles() {
    #expect(serving().obstacle(at: 99) == nil)
    #expect(serving().obstacle(at: 100)?.contains("lease is over") == true)
    #expect(ServingState().obstacle(at: 0)?.contains("not begun") == true)
    var state = serving()
    state.observe(.shardsLost([ShardID(1)]))
    #expect(state.obstacle(at: 0)?.contains("standby") == true)
    state = serving()
    state.observe(.commitDelayed(BatchID(1)))
    #expect(state.obstacle(at: 0)?.contains("does not take") == true)
    state = serving()
    state.observe(.leaseRenewed(until: 10 * ServingState.sessionPatience))
    state.sessionsChanged(areThere: false, at: 0)
    #expect(state.obstacle(at: 0) == nil)
    #expect(state.obstacle(at: ServingState.sessionPatience)?.contains("session") == true)
    state.isStopping = true
    #expect(state.obstacle(at: 0)?.contains("stopping") == true)
  }

  @Test("a session that is missing for a moment is no reason, one that stays away is")
  func sessions() {
    let patience = ServingState.sessionPatience
    var state = serving()
    state.observe(.leaseRenewed(until: 10 * patience))
    state.sessionsChanged(areThere: false, at: 5)
    state.sessionsChanged(areThere: false, at: 9)
    #expect(state.isServing(at: 4 + patience))
    #expect(state.endsServing(at: 10) == 5 + patience)
    #expect(!state.isServing(at: 5 + patience))
    state.sessionsChanged(areThere: true, at: 2 * patience)
    #expect(state.endsServing(at: 2 * patience) == 10 * patience)
    // One that comes and goes is missing anew each time.
    for time in stride(from: 2 * patience, to: 8 * patience, by: Int(patience / 2)) {
      state.sessionsChanged(areThere: false, at: time)
      #expect(state.isServing(at: time + patience / 4))
      state.sessionsChanged(areThere: true, at: time + patience / 4)
    }
  }
}
