import ProgressorEngine

/// The engines of a node: each has the shards whose number leaves the same remainder, on a loop of
/// its own.
///
/// What storage answers goes to whom it concerns. Any thread may hand inputs over; what one thread
/// hands over, each engine hears in that order.
final class EngineGroup: Sendable {
  /// By the number of the core; at least one.
  let loops: [EngineLoop]
  private let observers: [any InputObserver]
  private let losses: LossCount

  /// - Parameters:
  ///   - loops: By the number of the core; at least one.
  ///   - observers: See every input from outside, when the engines have been handed theirs: who is
  ///     told that machines are served finds them so on each core.
  init(_ loops: [EngineLoop], observers: [any InputObserver] = []) {
    precondition(!loops.isEmpty, "a node has an engine")
    self.loops = loops
    self.observers = observers
    losses = LossCount(cores: loops.count)
  }

  /// How many engines there are.
  var cores: Int32 { Int32(loops.count) }

  /// The shards of the engine with this number.
  func part(_ core: Int) -> ShardPart { ShardPart(CoreNumber(Int32(core)), of: cores) }

  /// Hands an input from outside over, from any thread. What a request gets, a ``Dispatcher`` says.
  func submit(_ input: Input) {
    switch CoreRoute(input, cores: cores) {
    case .one(let core): loops[Int(core.number)].submit(input)
    case .all: for loop in loops { loop.submit(input) }
    case .parts(let parts): for (core, input) in parts { loops[Int(core.number)].submit(input) }
    }
    for observer in observers { observer.observe(input) }
  }

  /// An engine has handled a loss of shards. True when each of them has handled one that was not
  /// reported before: storage may be told. From any thread.
  func lossHandled(by core: CoreNumber) -> Bool { losses.handled(by: core) }
}
