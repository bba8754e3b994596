import MachineModel
import ProgressorEngine

/// The client of a scenario: one request after the other, each repeated until it is known what
/// became of it.
struct ScriptedClient {
  static let machine = MachineID(namespace: "n0", id: "m")

  let scenario: CrashScenario
  let blow: CrashSweep.Blow?
  /// After which effect the blow falls, and how many there were.
  let effect: Int
  var effects = 0
  /// How often each stimulus was invoked.
  var invocations: [String: Int] = [:]

  private(set) var next = 0
  /// The notification that the present ask drops.
  var dropped: String?
  /// The request that waits for its answer.
  var pending: RequestID?

  init(scenario: CrashScenario, blow: CrashSweep.Blow?, effect: Int) {
    self.scenario = scenario
    self.blow = blow
    self.effect = effect
  }

  var isDone: Bool { next >= scenario.asks.count }

  var ask: CrashScenario.Ask? { isDone ? nil : scenario.asks[next] }

  /// What the arguments of an ask carry, beyond the tags that the simulation itself gives.
  static func tag(ofAsk number: Int) -> UInt64 { UInt64(1_000_000 + number) }

  var tag: UInt64 { ScriptedClient.tag(ofAsk: next) }

  var operation: Operation? {
    let (args, key) = (Tag.bytes(tag), "k\(next)")
    return switch ask {
    case .start: .start(args: args, key: key)
    case .call: .call(args: args, range: nil, key: key)
    case .notify: .notify(args: args, range: nil, key: key)
    case .repair: .repair(args: args, range: nil, key: key)
    case .simpleRepair: .simpleRepair
    case .remove: .remove
    case .pause: .pause(reason: "a scenario")
    case .resume: .resume
    case .drop: .dropNotification(id: dropped ?? "0-1")
    case .rest, nil: nil
    }
  }

  mutating func goOn() {
    next += 1
    dropped = nil
  }

  /// Takes the answer to the pending request: an unknown outcome is asked again.
  mutating func hears(_ reply: Reply) {
    pending = nil
    if case .error(let error) = reply {
      switch error.code {
      case .unavailable, .deadlineExceeded, .cancelled: return
      default: break
      }
    }
    goOn()
  }

  mutating func reaction(to invocation: Invocation) -> CrashScenario.Reaction {
    let name = invocation.stimulus.summary
    let earlier = invocations[name, default: 0]
    invocations[name] = earlier + 1
    return scenario.processor(invocation, earlier)
  }
}
