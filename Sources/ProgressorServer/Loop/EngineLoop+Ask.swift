import MachineModel
import NIOCore
import ProgressorEngine

extension EngineLoop {
  /// Asks the engine on the server's own account, and waits for the answer. From any task; it ends
  /// with the deadline at the latest.
  ///
  /// - Parameter deadline: on `Moment.uptime`.
  func ask(
    _ operation: ProgressorEngine.Operation, of machine: MachineID, deadline: Int64
  ) async -> Reply {
    let request = Request(
      id: newRequestID(), machine: machine, operation: operation, deadline: deadline)
    return await withCheckedContinuation { continuation in
      let target = Asker(eventLoop: eventLoop, continuation: continuation)
      if !submit(request, replyTo: target) {
        continuation.resume(
          returning: .error(.overloaded("too many requests wait for the engine")))
      }
    }
  }
}

/// A task that waits for the engine's answer.
private struct Asker: ReplyTarget {
  let eventLoop: any EventLoop
  let continuation: CheckedContinuation<Reply, Never>

  func send(_ reply: Reply) { continuation.resume(returning: reply) }
}
