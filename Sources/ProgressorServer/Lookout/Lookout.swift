import GRPC
import Logging
import MachineModel
import ProgressorEngine
import ProgressorStorage

/// Looks every five seconds whether something waits that should run, and how the machines of all
/// namespaces fare. Reads the rows on a session of its own, so that it is in nobody's way, and
/// nobody in its.
actor Lookout {
  /// What it looks at.
  struct Outside: Sendable {
    let storage: Storage
    let dispatcher: Dispatcher
    let outages: ProcessorOutages
    let clock: NodeClock
    let logger: Logger
  }

  /// From the begin of a look to that of the next one.
  private static let interval: Duration = .seconds(5)
  /// After a census that took longer the next look is without one.
  private static let expensive: Duration = .seconds(1)
  /// Lines of one look; what more there is to say is counted.
  private static let maximumLines = 20

  /// What was seen last.
  nonisolated let board = SeenBoard()
  private let outside: Outside
  private var watchdog = Watchdog()
  private var wasExpensive = false

  init(_ outside: Outside) {
    self.outside = outside
  }

  /// Looks until the task is cancelled.
  func run() async {
    let clock = ContinuousClock()
    while !Task.isCancelled {
      let next = clock.now + Self.interval
      await watch()
      if Task.isCancelled { return }
      await count()
      // A database that answers slowly is not asked without a pause.
      let pause = max(next, clock.now + Self.interval / 5)
      if (try? await Task.sleep(until: pause, clock: clock)) == nil { return }
    }
  }

  private func watch() async {
    let storage = outside.storage
    guard var waiting = await self.waiting(of: []) else { return }
    // What is held back may be many, and nobody has to look for it.
    let held = waiting.namespaces.filter(\.value.isHeld).map(\.key)
    let late = try? await storage.lateMachines(dueFor: Watchdog.suspicion, except: held)
    if let late, !late.isEmpty {
      guard let looked = await self.waiting(of: late.map(\.machine)) else { return }
      waiting = looked
    }
    let findings = self.findings(late, waiting)
    let now = outside.clock.now()
    log(watchdog.look(findings, at: now))
    let names = Dictionary(
      findings.map { ($0.number, $0.name) }, uniquingKeysWith: { first, _ in first })
    board.watched(
      watchdog.late.sorted { $0.key.number < $1.key.number }
        .map { Seen.Late(namespace: names[$0.key] ?? "", age: $0.value) })
  }

  private func waiting(of machines: [MachineID]) async -> EngineWaiting? {
    var waiting = await outside.dispatcher.waiting(
      machines: machines, patience: Watchdog.patience)
    for (number, namespace) in waiting?.namespaces ?? [:] where isAway(namespace.endpoint) {
      waiting?.namespaces[number]?.isHeld = true
    }
    return waiting
  }

  private func findings(_ late: [LateMachine]?, _ waiting: EngineWaiting) -> [Watchdog.Finding] {
    var machines: [NamespaceNumber: [LateMachine]] = [:]
    for machine in late ?? [] where !waiting.inHand.contains(machine.machine) {
      machines[machine.namespace, default: []].append(machine)
    }
    return waiting.namespaces.map { number, namespace in
      Watchdog.Finding(
        number: number, name: namespace.name,
        isHeld: namespace.isHeld,
        late: late == nil ? nil : machines[number] ?? [],
        oldestRequest: namespace.oldestRequest)
    }
  }

  /// Outages go by where an endpoint leads.
  private func isAway(_ endpoint: String) -> Bool {
    (try? ChannelTarget(endpoint)).map { outside.outages.isAway("\($0)") } ?? false
  }

  private func count() async {
    if wasExpensive {
      wasExpensive = false
      return
    }
    let (began, asked) = (ContinuousClock.now, outside.clock.now().uptime)
    let census = try? await outside.storage.census()
    let tables = try? await outside.storage.retainedTables()
    let lags = try? await outside.storage.feedLags()
    wasExpensive = ContinuousClock.now - began > Self.expensive
    if let census { board.counted(census, tables ?? [], lags ?? [], at: asked) }
  }

  private func log(_ reports: [Watchdog.Report]) {
    for report in reports.prefix(Self.maximumLines) { log(report) }
    if reports.count > Self.maximumLines {
      outside.logger.warning(
        "more namespaces became late, are late or are late no more",
        metadata: ["namespaces": "\(reports.count - Self.maximumLines)"])
    }
  }

  private func log(_ report: Watchdog.Report) {
    let logger = outside.logger
    switch report {
    case .began(let namespace, let lateness):
      logger.warning(
        "something waits that nothing holds back: the namespace is late",
        metadata: metadata(namespace, lateness))
    case .lasts(let namespace, let lateness):
      logger.warning("the namespace is still late", metadata: metadata(namespace, lateness))
    case .ended(let namespace, let time):
      logger.notice(
        "the namespace is late no more",
        metadata: ["namespace": "\(namespace)", "after_seconds": "\(time / 1_000_000)"])
    }
  }

  private func metadata(_ namespace: String, _ lateness: Watchdog.Lateness) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "namespace": "\(namespace)", "late_seconds": "\(lateness.age / 1_000_000)",
      "what": lateness.isRequest ? "a request" : "a machine that is due",
    ]
    if let machine = lateness.machine { metadata["machine_id"] = "\(machine)" }
    return metadata
  }
}
