import Logging
import MachineModel
import NIOPosix
import ProgressorSinks
import Synchronization

/// The sinks of a node. They run while it owns shards.
final class SinkGroup: Sendable {
  /// A sink of the configuration.
  private struct Sink {
    let setting: SinkSetting
    let ledger: SinkLedger
  }

  private let sinks: [Sink]
  private let hub: FeedHub
  private let logger: Logger
  private let work = Mutex<Task<Void, Never>?>(nil)

  /// Between two looks at what it owns.
  private static let interval: Duration = .milliseconds(250)
  /// How long a stop may take.
  private static let patience: Duration = .seconds(4)

  init(_ settings: [SinkSetting], hub: FeedHub, logger: Logger) {
    sinks = settings.map { Sink(setting: $0, ledger: SinkLedger($0.name, logger: logger)) }
    self.hub = hub
    self.logger = logger
  }

  var statistics: [SinkStatistics] { sinks.map(\.ledger.statistics) }

  func begin() {
    if sinks.isEmpty { return }
    work.withLock { $0 = Task { await run() } }
  }

  /// Returns when nothing is delivered any more, and what has arrived is acknowledged; after a few
  /// seconds in any case: a database, or a receiver, that does not answer is not waited for.
  func stop() async {
    guard let work = work.withLock({ $0 }) else { return }
    work.cancel()
    let doorbell = Doorbell()
    Task {
      await work.value
      doorbell.ring()
    }
    await doorbell.wait(until: .now + Self.patience)
  }

  private func run() async {
    while !Task.isCancelled {
      if ownsShards { await deliver() }
      try? await Task.sleep(for: Self.interval)
    }
  }

  private var ownsShards: Bool { hub.storage.status.shards > 0 }

  /// Until others own what this node did.
  private func deliver() async {
    await withTaskGroup(of: Void.self) { group in
      for sink in sinks { group.addTask { await self.run(sink) } }
      while ownsShards, !Task.isCancelled { try? await Task.sleep(for: Self.interval) }
      group.cancelAll()
    }
  }

  private func run(_ sink: Sink) async {
    let target: any SinkTarget
    do { target = try self.target(of: sink.setting) } catch {
      // The configuration was checked, and is what it was.
      return logger.error(
        "the sink cannot be set up",
        metadata: ["sink": "\(sink.setting.name)", "error": "\(error)"])
    }
    await FeedSink(setting: sink.setting, target: target, hub: hub, ledger: sink.ledger).run()
    // The task may be cancelled: what ends waits for its end all the same.
    await Task { await target.close() }.value
  }

  /// Its connections are on loops of their own: engines have other things to do.
  private func target(of setting: SinkSetting) throws -> any SinkTarget {
    switch setting.target {
    case .webhook(let webhook):
      try WebhookTarget(
        webhook, userAgent: "progressor/\(Version.current)",
        group: MultiThreadedEventLoopGroup.singleton, now: { NodeClock().now().wall })
    case .kafka(let kafka):
      KafkaTarget(kafka) { [logger] line in
        logger.debug("\(line)", metadata: ["sink": "\(setting.name)"])
      }
    }
  }
}
