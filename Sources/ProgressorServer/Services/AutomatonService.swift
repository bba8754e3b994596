import GRPC
import MachineModel
import NIOCore
import ProgressorAccess
import ProgressorEngine
import ProgressorProto

/// `progressor.v1.Automaton`: requests become inputs of the engine, its replies become responses.
/// Runs on the connections' loops; every rule is the engine's.
struct AutomatonService: Sendable {
  /// The name under which health and reflection know it.
  static let name = "progressor.v1.Automaton"

  static let defaultPageSize: Int32 = 100
  static let maximumPageSize: Int32 = 1_000

  let dispatcher: Dispatcher
  let clock: NodeClock
  let timeouts: ProcessorTimeouts
  let waits: WaitPlaces
  let encoder: ReplyEncoder

  /// Serves the methods of the service.
  func register(in router: inout Router) {
    registerQuestions(in: &router)
    serve(SimpleRepairRequest.self, "SimpleRepair", &router) { request in
      Decoded(request.machineID, .simpleRepair)
    }
    serve(GetRequest.self, "Get", &router) { request in
      Decoded(request.machineID, .get(range: request.historyRange, wait: request.wait))
    }
    router.serverStreaming("/\(AutomatonService.name)/Watch") { watch($0, $1) }
    serve(RemoveRequest.self, "Remove", &router) { request in
      Decoded(request.machineID, .remove)
    }
    serve(PauseRequest.self, "Pause", &router) { request in
      Decoded(request.machineID, .pause(reason: request.reason))
    }
    serve(ResumeRequest.self, "Resume", &router) { request in
      Decoded(request.machineID, .resume)
    }
    serve(ListRequest.self, "List", &router) { request throws(ProgressorError) in
      try AutomatonService.list(request)
    }
    serve(TraceRequest.self, "Trace", &router) { request in
      Decoded(request.machineID, .trace(AutomatonService.trace(request)))
    }
    serve(CountRequest.self, "Count", &router) { request in
      Decoded(MachineID(namespace: request.namespace, id: ""), .count)
    }
    serve(ListNotificationsRequest.self, "ListNotifications", &router) {
      request throws(ProgressorError) in
      try AutomatonService.listNotifications(request)
    }
    serve(DropNotificationRequest.self, "DropNotification", &router) { request in
      Decoded(request.machineID, .dropNotification(id: request.notificationID))
    }
    registerMessages(in: &router)
  }

  /// Serves the methods about what machines have sent.
  private func registerMessages(in router: inout Router) {
    serve(ListMessagesRequest.self, "ListMessages", &router) { request throws(ProgressorError) in
      try AutomatonService.listMessages(request)
    }
    serve(DropMessageRequest.self, "DropMessage", &router) { request in
      Decoded(request.machineID, .dropMessage(request.number))
    }
    serve(RetryMessageRequest.self, "RetryMessage", &router) { request in
      Decoded(request.machineID, .retryMessage(request.number))
    }
  }

  /// Serves the methods that hand something to a processor.
  private func registerQuestions(in router: inout Router) {
    serve(StartRequest.self, "Start", &router) { request in
      Decoded(request.machineID, .start(args: request.args, key: request.idempotencyKey))
    }
    serve(CallRequest.self, "Call", &router) { request in
      Decoded(
        request.machineID,
        .call(args: request.args, range: request.historyRange, key: request.idempotencyKey),
        expectedLastEventID: request.expectedLastEventID)
    }
    let argsBytes = Portability.maximumArgsBytes(ofMessages: encoder.maximumMessageBytes)
    @Sendable func checkArgs(_ args: [UInt8]) throws(ProgressorError) {
      guard args.count > argsBytes else { return }
      throw .invalidArgument(field: "args", "are longer than \(argsBytes) bytes")
    }
    serve(NotifyRequest.self, "Notify", &router) { request throws(ProgressorError) in
      try checkArgs(request.args)
      return Decoded(
        request.machineID,
        .notify(args: request.args, range: request.historyRange, key: request.idempotencyKey),
        expectedLastEventID: request.expectedLastEventID)
    }
    serve(StartOrCallRequest.self, "StartOrCall", &router) { request in
      Decoded(
        request.machineID,
        .startOrCall(
          startArgs: request.startArgs, args: request.args, range: request.historyRange,
          key: request.idempotencyKey),
        expectedLastEventID: request.expectedLastEventID)
    }
    serve(StartOrNotifyRequest.self, "StartOrNotify", &router) { request throws(ProgressorError) in
      try checkArgs(request.args)
      return Decoded(
        request.machineID,
        .startOrNotify(
          startArgs: request.startArgs, args: request.args, range: request.historyRange,
          key: request.idempotencyKey),
        expectedLastEventID: request.expectedLastEventID)
    }
    serve(RepairRequest.self, "Repair", &router) { request in
      Decoded(
        request.machineID,
        .repair(args: request.args, range: request.historyRange, key: request.idempotencyKey),
        expectedLastEventID: request.expectedLastEventID)
    }
  }

  /// A request, decoded and checked.
  struct Decoded {
    var machine: MachineID
    var operation: ProgressorEngine.Operation
    /// What must stay the same from page to page, when pages are asked for.
    var list: (any PageScope)?
    var expectedLastEventID: Int64?

    init(
      _ machine: MachineID, _ operation: ProgressorEngine.Operation,
      list: (any PageScope)? = nil, expectedLastEventID: Int64? = nil
    ) {
      self.machine = machine
      self.operation = operation
      self.list = list
      self.expectedLastEventID = expectedLastEventID
    }

    /// Whether its answer may wait for something to happen.
    var waits: Bool {
      if case .get(_, .some) = operation { true } else { false }
    }

    /// The same without waiting.
    var now: Decoded {
      guard case .get(let range, _) = operation else { return self }
      var decoded = self
      decoded.operation = .get(range: range)
      return decoded
    }
  }

  static func list(_ request: ListRequest) throws(ProgressorError) -> Decoded {
    let scope = ListScope(
      namespace: request.namespace, status: request.statusFilter, idPrefix: request.idPrefix,
      failedSince: request.failedSince, failedCode: request.failedCode)
    if request.idPrefix.utf8.count > MachineID.maximumBytes {
      throw .invalidArgument(
        field: "id_prefix", "is longer than \(MachineID.maximumBytes) bytes")
    }
    var after: String?
    if !request.pageToken.isEmpty { after = try PageToken.read(request.pageToken, of: scope) }
    let query = ListQuery(
      status: request.statusFilter, idPrefix: request.idPrefix,
      pageSize: pageSize(request.pageSize), after: after, failedSince: request.failedSince,
      failedCode: request.failedCode)
    return Decoded(
      MachineID(namespace: request.namespace, id: ""), .list(query), list: scope)
  }

  static func trace(_ request: TraceRequest) -> TraceQuery {
    TraceQuery(
      before: request.beforeSequence,
      limit: request.limit == 0 ? defaultPageSize : min(request.limit, maximumPageSize))
  }

  static func listNotifications(
    _ request: ListNotificationsRequest
  ) throws(ProgressorError) -> Decoded {
    let scope = NotificationScope(machine: request.machineID)
    var after: Int64 = 0
    if !request.pageToken.isEmpty {
      guard let sequence = Int64(try PageToken.read(request.pageToken, of: scope)), sequence > 0
      else { throw PageToken.refusal }
      after = sequence
    }
    let query = NotificationQuery(after: after, pageSize: pageSize(request.pageSize))
    return Decoded(request.machineID, .listNotifications(query), list: scope)
  }

  static func listMessages(_ request: ListMessagesRequest) throws(ProgressorError) -> Decoded {
    let scope = MessageScope(machine: request.machineID)
    var after: Int64 = 0
    if !request.pageToken.isEmpty {
      guard let number = Int64(try PageToken.read(request.pageToken, of: scope)), number > 0
      else { throw PageToken.refusal }
      after = number
    }
    let query = MessageListQuery(after: after, pageSize: pageSize(request.pageSize))
    return Decoded(request.machineID, .listMessages(query), list: scope)
  }

  private static func pageSize(_ asked: Int32) -> Int32 {
    asked == 0 ? defaultPageSize : min(asked, maximumPageSize)
  }

  private func serve<Message: ProtobufMessage>(
    _: Message.Type, _ method: String, _ router: inout Router,
    decode: @escaping @Sendable (Message) throws(ProgressorError) -> Decoded
  ) {
    router.unary("/\(AutomatonService.name)/\(method)") { request, responder in
      let access = CallerAccess(request)
      do throws(ProgressorError) {
        let decoded = try decode(try .decode(request.message))
        let payloads = try access.payloads(in: decoded.machine.namespace)
        submit(decoded, payloads, request, responder)
      } catch {
        responder.fail(RPCStatus(access.refusal(error, of: request.message)))
      }
    }
  }

  private func watch(_ request: UnaryRequest, _ responder: StreamResponder) {
    let access = CallerAccess(request)
    do throws(ProgressorError) {
      let decoded = try WatchRequest.decode(request.message)
      let payloads = try access.payloads(in: decoded.machineID.namespace)
      WatchStream(
        decoded, payloads, responder,
        WatchStream.Outside(
          dispatcher: dispatcher, clock: clock, places: waits,
          maximumMessageBytes: encoder.maximumMessageBytes)
      ).begin()
    } catch {
      responder.finish(RPCStatus(access.refusal(error, of: request.message)))
    }
  }

  private func submit(
    _ decoded: Decoded, _ payloads: PayloadVisibility, _ request: UnaryRequest,
    _ responder: UnaryResponder
  ) {
    // A list concerns no machine.
    let id =
      decoded.machine.id.isEmpty
      ? dispatcher.newRequestID() : dispatcher.newRequestID(for: decoded.machine)
    var input = Request(
      id: id, machine: decoded.machine, operation: decoded.operation,
      deadline: deadline(request.deadline, namespace: decoded.machine.namespace),
      context: context(of: request, about: decoded.machine),
      expectedLastEventID: decoded.expectedLastEventID)
    if decoded.waits, request.deadline == nil {
      input.deadline = clock.now().uptime + Self.longestWait
    }
    let place: WaitPlaces.Place?
    do throws(ProgressorError) {
      place = try decoded.waits ? enter(id, decoded.machine, responder) : nil
    } catch {
      return responder.fail(RPCStatus(error, machine: decoded.machine))
    }
    let target = AutomatonReply(
      responder: responder, machine: decoded.machine, list: decoded.list, encoder: encoder,
      payloads: payloads, leave: { [waits] in if let place { waits.leave(place) } },
      again: { submit(decoded.now, payloads, request, responder) })
    guard dispatcher.submit(input, replyTo: target) else {
      target.send(.error(.overloaded("too many requests wait for the engine")))
      return
    }
    responder.onCancel { dispatcher.cancel(id) }
  }

  /// Takes a place for a call that waits.
  private func enter(
    _ id: RequestID, _ machine: MachineID, _ responder: UnaryResponder
  ) throws(ProgressorError) -> WaitPlaces.Place {
    try waits.enter { [dispatcher] error in
      responder.fail(RPCStatus(error, machine: machine))
      dispatcher.cancel(id)
    }
  }

  /// Beyond the minute that a Get waits at most, for one without a deadline. Microseconds.
  private static let longestWait: Int64 = 70_000_000

  /// What goes on to the processor: within the span of the call, if it has one.
  private func context(of request: UnaryRequest, about machine: MachineID) -> CallerContext {
    let caller = CallerContext(request.metadata, principal: CallerAccess(request).principalName)
    guard let span = request.follower as? ServerSpan else { return caller }
    span.concerns(machine)
    return caller.within(span.context)
  }

  /// The caller's deadline; who has none waits as long as the namespace's processor may take.
  private func deadline(_ deadline: NIODeadline?, namespace: String) -> Int64 {
    let now = clock.now()
    guard let deadline else { return now.uptime + timeouts.timeout(of: namespace) }
    return now.uptime(of: deadline, reference: .now())
  }
}

/// Where the answer to one Automaton request goes.
private struct AutomatonReply: ReplyTarget {
  let responder: UnaryResponder
  let machine: MachineID
  let list: (any PageScope)?
  let encoder: ReplyEncoder
  let payloads: PayloadVisibility
  /// It waits no more.
  let leave: @Sendable () -> Void
  /// Asks anew: what only reads is read again rather than kept for a client that does not read.
  let again: @Sendable () -> Void

  var eventLoop: any EventLoop { responder.eventLoop }

  func send(_ reply: Reply) {
    leave()
    // Nobody reads it: only that the work is over counts.
    if responder.isCancelled { return responder.fail(RPCStatus(.cancelled, machine: machine)) }
    var hidden = HiddenPayloads()
    let reply = payloads == .hidden ? hidden.hide(in: reply) : reply
    if let bytes = encoder.size(ofRead: reply), !responder.makeRoom(for: bytes, again: again) {
      return
    }
    do {
      let message = try encoder.encode(reply, list: list)
      responder.respond(message, headers: payloads == .hidden ? hidden.metadata : Metadata())
    } catch {
      responder.fail(RPCStatus(error, machine: machine))
    }
  }
}

extension CallerContext {
  /// What of a client's metadata goes on to the processor, and who the client is: that is never
  /// taken from what it sends.
  init(_ metadata: Metadata, principal: String?) {
    self.init(
      metadata.entries.map { entry in
        switch entry.value {
        case .text(let value): Entry(name: entry.name, value: value)
        case .binary(let bytes): Entry(name: entry.name, value: Base64.encode(bytes))
        }
      }, principal: principal)
  }
}
