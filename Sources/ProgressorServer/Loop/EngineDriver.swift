import Logging
import MachineModel
import NIOCore
import ProgressorEngine

/// The engine and what a turn needs around it. Confined to the engine's loop.
final class EngineDriver {
  /// The shells that perform effects.
  struct Outside {
    let storage: any StoragePort
    let processors: any ProcessorPort
    /// Hands an input to a later turn.
    let submit: @Sendable (Input) -> Void
    /// Tells a core of the node, this one too.
    let send: @Sendable (PermitMessage) -> Void
    /// Takes a message of a machine to its target; the moment is the turn's.
    let deliver: @Sendable (Delivery, Moment) -> Void
    /// The engine has handled one `shardsLost`, and the effects up to it were handed to storage.
    let lossHandled: @Sendable () -> Void
    let logger: Logger
    /// Told what is durable; nil = nobody is.
    var machineLog: MachineLog?
    /// Makes spans of batches; nil = nobody follows traces.
    var tracer: Tracer?
  }

  /// Inputs and effects of one turn for which there is always room; after a crowd its memory is
  /// given back.
  private static let keptCapacity = 4_096

  private var engine: Engine?
  private let eventLoop: any EventLoop
  private let clock: NodeClock
  private var outside: Outside?

  private var entries: [EngineInbox.Entry] = []
  private var effects: [Effect] = []
  private var replies = ReplyTable()
  /// Losses of shards that this turn handled.
  private var losses = 0
  private lazy var wakeUp = Alarm(on: eventLoop) { [weak self] in
    self?.outside?.submit(.timePassed)
  }
  private var watch = TurnWatch()
  private var news: BatchNews?
  private var spans: BatchSpans?

  init(eventLoop: any EventLoop, clock: NodeClock) {
    self.eventLoop = eventLoop
    self.clock = clock
  }

  func start(_ engine: consuming Engine, _ outside: Outside) {
    self.engine = consume engine
    self.outside = outside
    news = outside.machineLog.map { BatchNews($0) }
    spans = outside.tracer.map { BatchSpans($0) }
  }

  /// Takes no more turns: what waits for an answer is told so, what storage and processors answer
  /// from now on goes nowhere.
  func stop(_ inbox: EngineInbox) {
    wakeUp.set(at: nil)
    outside?.processors.close()
    outside = nil
    engine = nil
    inbox.close(&entries)
    for case .request(let request, let target) in entries {
      replies.insert(target, for: request.id)
    }
    entries.removeAll()
    replies.answerAll(.error(.notOwner))
  }

  /// The engine's statistics; nil = it does not run.
  func takeStatistics() -> EngineStatistics? {
    var statistics = engine?.takeStatistics(at: clock.now().uptime)
    statistics?.slowTurns = watch.slowTurns
    return statistics
  }

  /// What waits in the engine; nil = it does not run.
  func waiting(machines: [MachineID], patience: Int64) -> EngineWaiting? {
    engine?.waiting(at: clock.now(), machines: machines, patience: patience)
  }

  /// One turn. Nothing happens before `start`; the inbox keeps what comes.
  func turn(_ inbox: EngineInbox) {
    guard let outside else { return }
    inbox.take(&entries)
    if entries.isEmpty { return }
    watch.turnBegins()
    let now = clock.now()
    for entry in entries {
      switch entry {
      case .request(let request, let target):
        replies.insert(target, for: request.id)
        engine?.handle(.request(request), now: now, into: &effects)
      case .input(let input):
        prepare(input, outside)
        engine?.handle(input, now: now, into: &effects)
      }
    }
    engine?.flush(now: now, into: &effects)
    perform(now: now, outside)
    watch.turnEnded(entries, effects, outside.logger)
    entries.removeAll(keepingCapacity: entries.count <= EngineDriver.keptCapacity)
    effects.removeAll(keepingCapacity: effects.count <= EngineDriver.keptCapacity)
  }

  private func prepare(_ input: Input, _ outside: Outside) {
    news?.take(input)
    spans?.take(input)
    switch input {
    case .shardsLost: losses += 1
    case .namespacesChanged(let records): outside.processors.namespacesChanged(records)
    default: break
    }
  }

  private func perform(now: Moment, _ outside: Outside) {
    var stored: [Effect] = []
    for effect in effects {
      if case .commit(let batch) = effect {
        news?.sent(batch)
        spans?.sent(batch)
      }
      switch effect {
      case .reply(let request, let reply): replies.collect(reply, for: request)
      case .load, .list, .readTrace, .readDue, .readMessages, .loadMessages, .commit:
        stored.append(effect)
      case .invoke(let invocation): outside.processors.invoke(invocation, now: now)
      case .callOff(let step, let attempt):
        outside.processors.callOff(step, attempt: attempt)
      case .awaitEndpoint(let namespace): outside.processors.awaitEndpoint(namespace)
      case .sendPermits(let message): outside.send(message)
      case .deliver(let delivery): outside.deliver(delivery, now)
      case .wake(let time): wakeUp.set(at: now.deadline(atUptime: time, reference: .now()))
      }
    }
    // Replies tell what is durable already, and storage answers later: handing them over in this
    // order keeps the order of effects.
    replies.sendCollected()
    if !stored.isEmpty { outside.storage.perform(stored) }
    for _ in 0..<losses { outside.lossHandled() }
    losses = 0
  }
}
