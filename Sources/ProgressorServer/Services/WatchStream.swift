import GRPC
import MachineModel
import NIOCore
import ProgressorAccess
import ProgressorEngine
import ProgressorProto
import Synchronization

/// One call of `Automaton.Watch`: asks the engine for the next piece when the client has taken the
/// last one, and keeps nothing of what it does not take.
///
/// All of it runs on the connection's loop, but for the end when the server stops.
final class WatchStream: Sendable {
  /// What all of them share.
  struct Outside: Sendable {
    let dispatcher: Dispatcher
    let clock: NodeClock
    let places: WaitPlaces
    let maximumMessageBytes: Int
  }

  private struct State {
    var progress: WatchProgress
    var hidden = HiddenPayloads()
    /// What the engine is asked.
    var request: RequestID?
    var place: WaitPlaces.Place?
    /// The client is to take something before more is asked for.
    var awaitsRoom = false
    var isOver = false
  }

  private let machine: MachineID
  private let payloads: PayloadVisibility
  private let responder: StreamResponder
  private let outside: Outside
  private let state: Mutex<State>

  /// Beyond the patience of a question. Microseconds.
  private static let margin: Int64 = 10_000_000

  init(
    _ request: WatchRequest, _ payloads: PayloadVisibility, _ responder: StreamResponder,
    _ outside: Outside
  ) {
    machine = request.machineID
    self.payloads = payloads
    self.responder = responder
    self.outside = outside
    state = Mutex(State(progress: WatchProgress(after: request.afterEventID)))
  }

  // A call that ends otherwise lets go of who answers it, and nothing of that is told here.
  deinit {
    if let place = state.withLock({ $0.place }) { outside.places.leave(place) }
  }

  /// Begins to show, if there is a place.
  func begin() {
    do throws(ProgressorError) {
      let place = try outside.places.enter { [weak self] in self?.finish($0) }
      let isOver = state.withLock { state in
        state.place = place
        return state.isOver
      }
      if isOver { return end() }
    } catch {
      return finish(error)
    }
    responder.onWritable { self.goOn() }
    responder.onCancel { [weak self] in self?.end() }
    ask()
  }

  private func ask() {
    let id = outside.dispatcher.newRequestID(for: machine)
    let query = state.withLock { state -> WatchQuery? in
      if state.isOver { return nil }
      assert(state.request == nil, "one question at a time")
      state.request = id
      return state.progress.query
    }
    guard let query else { return }
    let deadline = outside.clock.now().uptime + query.patience + Self.margin
    let request = Request(
      id: id, machine: machine, operation: .watch(query), deadline: deadline)
    let target = WatchReply(eventLoop: responder.eventLoop) { self.answered($0) }
    guard outside.dispatcher.submit(request, replyTo: target) else {
      return finish(.overloaded("too many requests wait for the engine"))
    }
    // It may have been ended before the engine had heard of it.
    if responder.isCancelled || state.withLock({ $0.isOver }) { end() }
  }

  private func answered(_ reply: Reply) {
    let isOver = state.withLock { state in
      state.request = nil
      return state.isOver
    }
    if isOver { return }
    switch reply {
    case .watched(let shown, let mark): show(shown, mark)
    case .error(let error): finish(told(error))
    default: assertionFailure("a question of a Watch is answered by a piece of it")
    }
  }

  /// What was shown has its events: who has fewer is another machine of the name.
  private func told(_ error: ProgressorError) -> ProgressorError {
    let hasShown = state.withLock { $0.progress.hasShown }
    return hasShown && error.reason == .eventNotFound ? .machineNotFound(machine) : error
  }

  private func show(_ shown: Machine, _ mark: MachineMark) {
    guard let messages = state.withLock({ $0.progress.messages(shown, mark) }) else {
      return finish(.machineNotFound(machine))
    }
    var count = 0
    for message in messages {
      var hidden = HiddenPayloads()
      let told = payloads == .hidden ? hidden.hide(in: message) : message
      guard let bytes = told.buffer(limit: outside.maximumMessageBytes) else {
        return finish(.tooLargeToShow(outside.maximumMessageBytes))
      }
      state.withLock { $0.awaitsRoom = true }
      guard responder.send(bytes) else { break }
      count += 1
      state.withLock { state in
        state.progress.sent(message, mark)
        state.hidden.add(hidden)
      }
    }
    state.withLock { $0.progress.took(count, of: messages.count, showing: shown) }
    if responder.isWritable { goOn() }
  }

  /// The client takes more, unless it has done so all the time.
  private func goOn() {
    let awaitsRoom = state.withLock { state in
      defer { state.awaitsRoom = false }
      return state.awaitsRoom && state.request == nil && !state.isOver
    }
    if awaitsRoom { ask() }
  }

  private func finish(_ error: ProgressorError) {
    var status = RPCStatus(error, machine: machine)
    let hidden = state.withLock { $0.hidden }
    if payloads == .hidden {
      for entry in hidden.metadata.entries { status.trailers.append(entry) }
    }
    end()
    responder.finish(status)
  }

  /// Nothing more is shown.
  private func end() {
    let (request, place) = state.withLock { state in
      state.isOver = true
      defer { state.place = nil }
      return (state.request, state.place)
    }
    if let request { outside.dispatcher.cancel(request) }
    if let place { outside.places.leave(place) }
  }
}

/// Where the engine's answer to a question of a Watch goes.
private struct WatchReply: ReplyTarget {
  let eventLoop: any EventLoop
  let answer: @Sendable (Reply) -> Void

  func send(_ reply: Reply) { answer(reply) }
}

extension ProgressorError {
  fileprivate static func tooLargeToShow(_ limit: Int) -> ProgressorError {
    ProgressorError(
      .resourceExhausted, .historyTooLarge,
      "what there is to show exceeds \(limit) bytes, the limit on messages")
  }
}
