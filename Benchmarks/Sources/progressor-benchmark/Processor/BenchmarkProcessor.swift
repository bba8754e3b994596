import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import Synchronization

/// The Processor service that the benchmark's machines are driven by. It decodes what it is sent
/// and answers at once with bytes that were encoded beforehand.
final class BenchmarkProcessor: Sendable {
  /// How many signals of these kinds were answered.
  let timeouts = Atomic<Int>(0)
  let notifications = Atomic<Int>(0)
  /// Events in those answers, starts' too.
  let events = Atomic<Int>(0)

  /// Whether machines of a chain set their timer again.
  let rearms = Atomic<Bool>(true)

  /// From the due time of `TimedID` machines to the invocation, in nanoseconds.
  private let lateness = Mutex(Histogram())
  /// Encoded answers that notify a machine's partner, by the machine.
  private let sending = Mutex([MachineID: ByteBuffer]())
  private let server: Mutex<GRPCServer?> = Mutex(nil)

  private static let service = "/progressor.v1.Processor/"
  static let callPath = service + "ProcessCall"

  /// Starts to serve on a free port of 127.0.0.1 and answers it.
  func start(on thread: LoopThread) async throws -> Int {
    var router = Router()
    router.unary(Self.callPath) { self.processCall($0, $1) }
    router.unary(Self.service + "ProcessSignal") { self.processSignal($0, $1) }
    let server = GRPCServer(router: router, group: thread.group)
    self.server.withLock { $0 = server }
    let addresses = try await server.start([.tcp(host: "127.0.0.1", port: 0)])
    guard case .tcp(_, let port)? = addresses.first else {
      throw BenchmarkError("the processor has no port")
    }
    return port
  }

  func stop() async {
    await server.withLock { $0 }?.stop(grace: .seconds(1))
  }

  /// How late timers were since the last time.
  func takeLateness() -> Histogram {
    lateness.withLock { lateness in
      defer { lateness = Histogram() }
      return lateness
    }
  }

  // MARK: Invocations

  private func processCall(_ request: UnaryRequest, _ responder: UnaryResponder) {
    guard let call = Self.decode(ProcessCallRequest.self, request) else {
      return responder.fail(.unreadable)
    }
    switch call.args.first {
    case Wish.event:
      events.add(1, ordering: .relaxed)
      responder.respond(Self.callAnswer)
    case Wish.echo:
      responder.respond(Self.callAnswer)
    case Wish.send:
      events.add(1, ordering: .relaxed)
      responder.respond(sendingAnswer(call.machine.machineID))
    case Wish.delay:
      events.add(1, ordering: .relaxed)
      responder.respond(Self.delayingAnswer)
    default:
      responder.respond(Self.queryAnswer)
    }
  }

  private func processSignal(_ request: UnaryRequest, _ responder: UnaryResponder) {
    guard let message = Self.decode(ProcessSignalRequest.self, request) else {
      return responder.fail(.unreadable)
    }
    events.add(1, ordering: .relaxed)
    switch message.signal {
    case .initialize(let args):
      responder.respond(initialAnswer(args, message.machine))
    case .timeout:
      timeouts.add(1, ordering: .relaxed)
      responder.respond(timeoutAnswer(message.machine))
    case .notification:
      notifications.add(1, ordering: .relaxed)
      responder.respond(Self.eventAnswer)
    case .undelivered:
      responder.respond(Self.eventAnswer)
    }
  }

  private func sendingAnswer(_ machine: MachineID) -> ByteBuffer {
    sending.withLock { sending in
      if let answer = sending[machine] { return answer }
      let answer = Self.callAnswer(sending: [
        OutgoingMessage(target: Partner.of(machine), kind: .notify(args: [0]))
      ])
      sending[machine] = answer
      return answer
    }
  }

  private func initialAnswer(_ args: [UInt8], _ machine: Machine) -> ByteBuffer {
    switch args.first {
    case Wish.chain:
      return Self.chainAnswer
    case Wish.timer:
      guard let due = TimedID.due(machine.machineID.id) else { return Self.eventAnswer }
      return Self.encode(ProcessSignalResponse(answer: Self.answer(firing: .deadline(due))))
    default:
      return Self.eventAnswer
    }
  }

  private func timeoutAnswer(_ machine: Machine) -> ByteBuffer {
    guard let due = TimedID.due(machine.machineID.id) else {
      return rearms.load(ordering: .relaxed) ? Self.chainAnswer : Self.eventAnswer
    }
    let late = Timestamp.now.microseconds - due.microseconds
    lateness.withLock { $0.record(Int(late) * 1000) }
    return Self.eventAnswer
  }

  // MARK: Answers

  private static let callAnswer = encode(
    ProcessCallResponse(answer: ProcessorAnswer(response: [0], change: Payload.change)))
  private static let queryAnswer = encode(
    ProcessCallResponse(answer: ProcessorAnswer(response: [0])))
  private static let eventAnswer = encode(
    ProcessSignalResponse(answer: ProcessorAnswer(change: Payload.change)))
  private static let chainAnswer = encode(
    ProcessSignalResponse(answer: answer(firing: .timeout(microseconds: 0))))

  private static let delayingAnswer = callAnswer(
    sending: (0..<Delayed.messages).map { number in
      OutgoingMessage(
        target: MachineID(namespace: ComparedNamespaces.plain, id: "nobody/\(number)"),
        kind: .notify(args: [0]), when: .delay(microseconds: Delayed.delay))
    })

  private static func callAnswer(sending messages: [OutgoingMessage]) -> ByteBuffer {
    var action = Action()
    action.send = messages
    return encode(
      ProcessCallResponse(
        answer: ProcessorAnswer(response: [0], change: Payload.change, action: action)))
  }

  /// An event, and a timer that shows the processor no history.
  private static func answer(firing when: TimerSetting.When) -> ProcessorAnswer {
    let setting = TimerSetting(when: when, historyRange: HistoryRange(limit: 0))
    return ProcessorAnswer(change: Payload.change, action: Action(timer: .set(setting)))
  }

  private static func encode(_ message: some ProtobufMessage) -> ByteBuffer {
    ByteBuffer(bytes: message.encoded())
  }

  private static func decode<Message: ProtobufMessage>(
    _: Message.Type, _ request: UnaryRequest
  ) -> Message? {
    request.message.withUnsafeReadableBytes { try? Message(decoding: $0) }
  }
}

extension RPCStatus {
  fileprivate static let unreadable = RPCStatus(
    code: .internalError, message: "the request cannot be decoded")
}
