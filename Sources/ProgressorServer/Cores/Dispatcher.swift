import MachineModel
import NIOCore
import ProgressorEngine
import Synchronization

/// Takes requests to the engine that has the machine: one hop, by value. From any thread.
final class Dispatcher: Sendable {
  private let group: EngineGroup
  private let shards: Int32
  private let nextCore = Atomic<UInt32>(0)

  /// - Parameter shards: Of the database, 1 at least; an engine beyond them has no machine.
  init(_ group: EngineGroup, shards: Int32) {
    self.group = group
    self.shards = shards
  }

  /// A number for a request about this machine; it tells the engine that is asked.
  func newRequestID(for machine: MachineID) -> RequestID {
    let core = ShardPart.core(of: ShardID(of: machine, shards: shards), cores: group.cores)
    return group.loops[Int(core.number)].newRequestID()
  }

  /// A number for a request that any engine can answer: each in its turn.
  func newRequestID() -> RequestID {
    let turn = nextCore.wrappingAdd(1, ordering: .relaxed).oldValue
    // One that can have no shard would say that this node has none.
    let count = UInt32(min(group.cores, shards))
    return group.loops[Int(turn % count)].newRequestID()
  }

  /// Hands a request over; `target` gets its answer. False = refused because too many wait already;
  /// nothing will be sent then.
  func submit(_ request: Request, replyTo target: any ReplyTarget) -> Bool {
    loop(of: request.id).submit(request, replyTo: target)
  }

  /// The client of a request went away. Its target is told when nothing is done for it any more.
  func cancel(_ request: RequestID) {
    loop(of: request).submit(.cancelled(request))
  }

  /// Waits until no step of the paused namespace runs on any core, or for an error. From any task.
  ///
  /// - Parameter deadline: On `Moment.uptime`.
  func awaitQuiet(_ namespace: String, deadline: Int64) async -> Reply {
    let machine = MachineID(namespace: namespace, id: "")
    return await withTaskGroup { tasks in
      for loop in group.loops {
        tasks.addTask { await loop.ask(.awaitQuiet, of: machine, deadline: deadline) }
      }
      var answer = Reply.quiet
      for await reply in tasks {
        if case .error = reply { answer = reply }
      }
      return answer
    }
  }

  /// What the engines hold and have done, together; nil = one of them does not run.
  func statistics() -> EventLoopFuture<EngineStatistics?> {
    let all = group.loops.map { $0.statistics() }
    return EventLoopFuture.whenAllSucceed(all, on: group.loops[0].eventLoop).map { parts in
      var sum: EngineStatistics?
      for part in parts {
        guard let part else { return nil }
        if sum == nil { sum = part } else { sum?.add(part) }
      }
      return sum
    }
  }

  /// What waits in the engines, together; nil = one of them does not run. See `Engine.waiting`.
  func waiting(machines: [MachineID], patience: Int64) async -> EngineWaiting? {
    var sum = EngineWaiting()
    for loop in group.loops {
      guard let part = try? await loop.waiting(machines: machines, patience: patience).get() else {
        return nil
      }
      sum.add(part)
    }
    return sum
  }

  private func loop(of request: RequestID) -> EngineLoop { group.loops[Int(request.core.number)] }
}
