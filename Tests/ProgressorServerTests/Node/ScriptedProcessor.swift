import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import Synchronization

@testable import ProgressorServer

/// What a processor was asked.
struct Asked: Sendable {
  enum Stimulus: Sendable, Hashable {
    case signal(Signal)
    case call([UInt8])
    case repair([UInt8])
  }

  let stimulus: Stimulus
  let machine: Machine
  let metadata: Metadata
}

/// What a processor does, as the test says.
final class ProcessorScript: Sendable {
  typealias Behaviour = @Sendable (Asked) throws(RPCStatus) -> ProcessorAnswer

  private struct State {
    var behaviour: Behaviour
    var isHolding = false
    var held: [@Sendable () -> Void] = []
  }

  private let state: Mutex<State>
  /// Everything that was asked, in order.
  let asked: AsyncStream<Asked>
  private let continuation: AsyncStream<Asked>.Continuation

  init(_ behaviour: @escaping Behaviour) {
    state = Mutex(State(behaviour: behaviour))
    (asked, continuation) = AsyncStream.makeStream()
  }

  /// From now on answers wait for `release()`.
  func hold() { state.withLock { $0.isHolding = true } }

  /// Sends the answers that wait, and waits no more.
  func release() {
    let held = state.withLock { state in
      state.isHolding = false
      defer { state.held = [] }
      return state.held
    }
    for answer in held { answer() }
  }

  func register(in router: inout Router) {
    router.unary("/progressor.v1.Processor/ProcessSignal") { request, responder in
      guard let message = try? ProcessSignalRequest(decoding: request.message) else { return }
      self.answer(.signal(message.signal), message.machine, request, responder) {
        ProcessSignalResponse(answer: $0).buffer()
      }
    }
    router.unary("/progressor.v1.Processor/ProcessCall") { request, responder in
      guard let message = try? ProcessCallRequest(decoding: request.message) else { return }
      self.answer(.call(message.args), message.machine, request, responder) {
        ProcessCallResponse(answer: $0).buffer()
      }
    }
    router.unary("/progressor.v1.Processor/ProcessRepair") { request, responder in
      guard let message = try? ProcessRepairRequest(decoding: request.message) else { return }
      self.answer(.repair(message.args), message.machine, request, responder) {
        ProcessRepairResponse(answer: $0).buffer()
      }
    }
  }

  private func answer(
    _ stimulus: Asked.Stimulus, _ machine: Machine, _ request: UnaryRequest,
    _ responder: UnaryResponder, encode: @escaping @Sendable (ProcessorAnswer) -> ByteBuffer?
  ) {
    let asked = Asked(stimulus: stimulus, machine: machine, metadata: request.metadata)
    let behaviour = state.withLock { $0.behaviour }
    let send: @Sendable () -> Void = {
      do throws(RPCStatus) {
        responder.respond(encode(try behaviour(asked)) ?? ByteBuffer())
      } catch {
        responder.fail(error)
      }
    }
    let isHeld = state.withLock { state in
      if state.isHolding { state.held.append(send) }
      return state.isHolding
    }
    continuation.yield(asked)
    if !isHeld { send() }
  }

  /// Appends the payload of every stimulus as an event, `timeout` for a timeout, and answers it.
  static let record: Behaviour = { asked throws(RPCStatus) in
    switch asked.stimulus {
    case .signal(.initialize(let args)):
      ProcessorAnswer(change: StateChange(events: [Content(data: args)]))
    case .signal(.notification(let args, _, _)):
      ProcessorAnswer(change: StateChange(events: [Content(data: args)]))
    case .signal(.undelivered(let message)):
      ProcessorAnswer(change: StateChange(events: [Content(data: message.args)]))
    case .signal(.timeout):
      ProcessorAnswer(change: StateChange(events: [Content(data: Array("timeout".utf8))]))
    case .call(let args), .repair(let args):
      ProcessorAnswer(response: args, change: StateChange(events: [Content(data: args)]))
    }
  }
}
