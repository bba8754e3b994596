import GRPC
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto
import Synchronization

/// One call of `Automaton.Import`: its messages are put together, and what is complete at its end
/// is one request to the engine. What it holds is in a budget until it is known what became of it.
final class ImportStream: Sendable {
  /// What all streams share.
  struct Outside: Sendable {
    let dispatcher: Dispatcher
    let clock: NodeClock
    let budget: ImportBudget
    let limits: MachineAssembly.Limits
  }

  private struct State {
    var assembly: MachineAssembly
    var namespace = ""
    /// Of the budget.
    var held = 0
    var request: RequestID?
    var isOver = false
    /// Ends a stream whose time is over.
    var timeout: Scheduled<Void>?
  }

  private let outside: Outside
  private let access: CallerAccess
  private let metadata: Metadata
  private let deadline: NIODeadline
  private let responder: StreamResponder
  private let state: Mutex<State>

  /// How long a stream may take, whatever its deadline: what it holds others cannot.
  private static let patience = TimeAmount.minutes(5)
  /// In one message.
  private static let maximumParts = 1_000

  init(_ request: StreamRequest, _ responder: StreamResponder, _ outside: Outside) {
    self.outside = outside
    self.responder = responder
    access = CallerAccess(request)
    metadata = request.metadata
    deadline = min(request.deadline ?? .distantFuture, .now() + Self.patience)
    state = Mutex(
      State(assembly: MachineAssembly(limits: outside.limits, now: outside.clock.now().wall)))
  }

  // A call that ends otherwise lets go of who follows it, and of what that holds.
  deinit { outside.budget.release(state.withLock { $0.held }) }

  /// Follows the call: what is to be told of its requests.
  func begin() -> StreamInput {
    responder.onCancel { [weak self] in self?.cancelled() }
    // The layer ends a call at its client's deadline; this one is ours.
    let timeout: Scheduled<Void> = responder.eventLoop.scheduleTask(deadline: deadline) {
      [weak self] in
      self?.fail(.deadlineExceeded)
    }
    let isOver = state.withLock { state in
      state.timeout = timeout
      return state.isOver
    }
    if isOver { timeout.cancel() }
    return StreamInput(message: { self.take($0) }, end: { self.submit() })
  }

  private func take(_ buffer: ByteBuffer) {
    do throws(ProgressorError) {
      if state.withLock({ $0.isOver }) { return }
      let message = try ImportRequest.decode(buffer)
      try state.withLock { state throws(ProgressorError) in try add(message, to: &state) }
    } catch {
      fail(error)
    }
  }

  private func add(_ message: ImportRequest, to state: inout State) throws(ProgressorError) {
    if state.namespace.isEmpty {
      if message.namespace.isEmpty {
        throw .invalidArgument(field: "namespace", "must not be empty")
      }
      // As soon as it is known what the call is about.
      try access.payloads(in: message.namespace)
      state.namespace = message.namespace
    } else if !message.namespace.isEmpty, !message.namespace.isExactly(state.namespace) {
      throw .invalidArgument(field: "namespace", "is another than in the first message")
    }
    if message.parts.count > Self.maximumParts {
      throw .invalidArgument(field: "parts", "are more than \(Self.maximumParts) in a message")
    }
    // Also a message of nothing costs something: no stream goes on for ever.
    try state.assembly.chargeMessage()
    try outside.budget.hold(MachineAssembly.overhead)
    state.held += MachineAssembly.overhead
    for (index, part) in message.parts.enumerated() {
      let field = "parts[\(index)]"
      try ImportStream.checkMetadata(of: part, field)
      let before = state.assembly.bytes
      try state.assembly.add(part, field: field)
      let more = state.assembly.bytes - before
      try outside.budget.hold(more)
      state.held += more
    }
  }

  private func submit() {
    do throws(ProgressorError) {
      let prepared = try state.withLock {
        state throws(ProgressorError) -> (RequestID, Request)? in
        if state.isOver { return nil }
        var machine = try state.assembly.machine()
        let id = MachineID(namespace: state.namespace, id: machine.head.id)
        let number = outside.dispatcher.newRequestID(for: id)
        state.request = number
        state.timeout?.cancel()
        // From here on it is not the stream that has the machine, but whoever writes it: perhaps
        // long after the caller heard that its deadline has passed.
        let (budget, held) = (outside.budget, state.held)
        machine.charge = Charge { budget.release(held) }
        state.held = 0
        return (
          number,
          Request(
            id: number, machine: id, operation: .importMachine(machine),
            deadline: outside.clock.now().uptime(of: deadline, reference: .now()),
            context: CallerContext(metadata, principal: access.principalName))
        )
      }
      guard let (number, request) = prepared else { return }
      let id = request.machine
      let target = ImportReply(eventLoop: responder.eventLoop) { self.answer($0, id) }
      guard outside.dispatcher.submit(request, replyTo: target) else {
        throw .overloaded("too many requests wait for the engine")
      }
      if responder.isCancelled { outside.dispatcher.cancel(number) }
    } catch {
      fail(error)
    }
  }

  /// What the engine said, once.
  private func answer(_ reply: Reply, _ machine: MachineID) {
    release()
    if case .error(let error) = reply {
      return responder.finish(RPCStatus(error, machine: machine))
    }
    responder.send(ImportResponse().buffer() ?? ByteBuffer())
    responder.finish()
  }

  private func fail(_ error: ProgressorError) {
    let machine = state.withLock { state in
      // The engine has it: its answer is the call's.
      if state.request != nil, error.reason != .overloaded { return MachineID?.none }
      return MachineID(namespace: state.namespace, id: state.assembly.id ?? "")
    }
    guard let machine else { return }
    release()
    responder.finish(RPCStatus(error, machine: machine))
  }

  private func cancelled() {
    let request = state.withLock { $0.request }
    guard let request else { return release() }
    outside.dispatcher.cancel(request)
  }

  /// Nothing is held any more. What comes later is not looked at.
  private func release() {
    let held = state.withLock { state in
      let held = state.held
      state.timeout?.cancel()
      let assembly = MachineAssembly(limits: outside.limits, now: .earliest)
      (state.held, state.isOver, state.assembly) = (0, true, assembly)
      return held
    }
    outside.budget.release(held)
  }

  /// What could not be handed to a processor is refused before it is stored.
  private static func checkMetadata(of part: MachinePart, _ field: String) throws(ProgressorError) {
    switch part {
    case .head(let head):
      try PortableMetadata.check(head.timer?.metadata ?? [], field + ".head.timer.metadata")
    case .notifications(let notifications):
      for (index, notification) in notifications.enumerated() {
        try PortableMetadata.check(
          notification.metadata, "\(field).notifications.notifications[\(index)].metadata")
      }
    case .events, .end: break
    }
  }
}

/// Where the engine's answer to an import goes.
private struct ImportReply: ReplyTarget {
  let eventLoop: any EventLoop
  let answer: @Sendable (Reply) -> Void

  func send(_ reply: Reply) { answer(reply) }
}
