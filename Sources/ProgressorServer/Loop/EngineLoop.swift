import MachineModel
import NIOCore
import ProgressorEngine
import Synchronization

/// Confines the engine to one event loop.
///
/// A turn: take the inbox, read the clock once, `handle` each input, `flush`, perform the effects
/// in their order. Submissions of a turn that other threads make while it runs go into the next
/// one, so that a busy loop is woken once per batch and not once per input.
final class EngineLoop: Sendable {
  /// The loop of the engine, of the processors' channels, and of nothing that blocks.
  let eventLoop: any EventLoop

  private let inbox: EngineInbox
  private let driver: NIOLoopBoundBox<EngineDriver>
  private let nextRequest: Atomic<UInt64>

  /// - Parameters:
  ///   - number: Of the engine among those of the node; its requests' ids tell it.
  ///   - maximumRequests: That wait for a turn.
  init(
    _ number: CoreNumber = CoreNumber(0), eventLoop: any EventLoop, maximumRequests: Int,
    clock: NodeClock
  ) {
    self.eventLoop = eventLoop
    nextRequest = Atomic(TaggedNumbers.base(of: number) + 1)
    inbox = EngineInbox(maximumRequests: maximumRequests)
    driver = NIOLoopBoundBox.makeBoxSendingValue(
      EngineDriver(eventLoop: eventLoop, clock: clock), eventLoop: eventLoop)
  }

  /// Makes the engine and begins to take turns; what was submitted before is handled first. Once,
  /// on `eventLoop`.
  func start(_ configuration: EngineConfiguration, _ outside: EngineDriver.Outside) {
    driver.value.start(Engine(configuration: configuration), outside)
    turn()
  }

  /// Takes no more turns; every request is answered. On `eventLoop`.
  func stop() {
    driver.value.stop(inbox)
  }

  /// Hands inputs over, from any thread. They are handled in this order.
  func submit(_ inputs: [Input]) {
    if !inputs.isEmpty, inbox.put(inputs) { schedule() }
  }

  /// Hands one input over, from any thread.
  func submit(_ input: Input) {
    if inbox.put(input) { schedule() }
  }

  /// A number for a request of this engine, from any thread.
  func newRequestID() -> RequestID {
    RequestID(nextRequest.wrappingAdd(1, ordering: .relaxed).oldValue)
  }

  /// Hands a request over, from any thread; `target` gets its answer. False = refused because too
  /// many wait already; nothing will be sent then.
  func submit(_ request: Request, replyTo target: any ReplyTarget) -> Bool {
    guard let mustWake = inbox.put(request, target) else { return false }
    if mustWake { schedule() }
    return true
  }

  /// What the engine holds and has done; nil = it does not run.
  func statistics() -> EventLoopFuture<EngineStatistics?> {
    eventLoop.submit {
      var statistics = self.driver.value.takeStatistics()
      statistics?.refusedBeforehand = self.inbox.refused
      return statistics
    }
  }

  /// What waits in the engine; nil = it does not run. See `Engine.waiting`.
  func waiting(machines: [MachineID], patience: Int64) -> EventLoopFuture<EngineWaiting?> {
    eventLoop.submit { self.driver.value.waiting(machines: machines, patience: patience) }
  }

  private func schedule() {
    eventLoop.execute { self.turn() }
  }

  private func turn() {
    driver.value.turn(inbox)
  }
}
