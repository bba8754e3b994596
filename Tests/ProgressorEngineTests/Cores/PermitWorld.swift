import MachineModel

@testable import ProgressorEngine

/// One kind of a namespace's permits between cores, with messages that take their time.
struct PermitWorld {
  private struct Core {
    var share = PermitShare()
    var used = 0
    var waiting = 0
  }

  private enum Message {
    case wanted(Int)
    case returned(Int)
    case lent(Int, fairShare: Int)
    case recalled(Int, fairShare: Int)
  }

  private var pool: PermitPool
  private var cores: [Core]
  /// By core: what it said to the home, and what the home said to it, in order.
  private var toHome: [[Message]]
  private var fromHome: [[Message]]
  private(set) var messages = 0

  init(limit: Int, cores count: Int) {
    pool = PermitPool(cores: Int32(count))
    cores = Array(repeating: Core(), count: count)
    toHome = Array(repeating: [], count: count)
    fromHome = toHome
    change(limit: limit)
  }

  var used: Int { cores.reduce(0) { $0 + $1.used } }
  var waiting: Int { cores.reduce(0) { $0 + $1.waiting } }
  var isStill: Bool { (toHome + fromHome).allSatisfy(\.isEmpty) }

  func used(by core: Int) -> Int { cores[core].used }
  func waiting(at core: Int) -> Int { cores[core].waiting }

  /// What is lent is somewhere: held, or on its way.
  var isBalanced: Bool {
    cores.indices.allSatisfy { index in
      let sent = fromHome[index].reduce(0) { if case .lent(let n, _) = $1 { $0 + n } else { $0 } }
      let back = toHome[index].reduce(0) { if case .returned(let n) = $1 { $0 + n } else { $0 } }
      return pool.lent(to: CoreNumber(Int32(index))) == cores[index].share.held + sent + back
    }
  }

  mutating func change(limit: Int) { post(pool.begin(limit: limit)) }

  /// A step comes to a core.
  mutating func arrive(at core: Int, _ number: Int = 1) {
    cores[core].waiting += number
    look(core)
  }

  /// A step of a core is over.
  mutating func end(at core: Int) {
    cores[core].used -= 1
    look(core)
  }

  /// The step that waits at a core does not wait any more.
  mutating func giveUp(at core: Int) {
    cores[core].waiting -= 1
    look(core)
  }

  /// The next message of a core or to it arrives.
  mutating func deliver(toHome isToHome: Bool, of core: Int) {
    if isToHome, !toHome[core].isEmpty {
      switch toHome[core].removeFirst() {
      case .wanted(let number): post(pool.wants(CoreNumber(Int32(core)), number))
      case .returned(let number): post(pool.returned(CoreNumber(Int32(core)), number))
      case .lent, .recalled: break
      }
    } else if !isToHome, !fromHome[core].isEmpty {
      switch fromHome[core].removeFirst() {
      case .lent(let number, let fair): cores[core].share.lent(number, fairShare: fair)
      case .recalled(let number, let fair): cores[core].share.recalled(number, fairShare: fair)
      case .wanted, .returned: break
      }
      look(core)
    }
  }

  /// Every message arrives.
  mutating func settle() {
    for _ in 0..<10_000 {
      if isStill { return }
      for core in cores.indices {
        deliver(toHome: true, of: core)
        deliver(toHome: false, of: core)
      }
    }
  }

  /// As the engine does at a gate.
  private mutating func look(_ index: Int) {
    var core = cores[index]
    while core.waiting > 0, core.used < core.share.limit {
      core.waiting -= 1
      core.used += 1
    }
    let returned = core.share.takeReturnable(used: core.used, waiting: core.waiting)
    if returned > 0 { toHome[index].append(.returned(returned)) }
    let wanted = max(0, core.waiting - max(0, core.share.limit - core.used))
    if let wish = core.share.takeWish(wanted) { toHome[index].append(.wanted(wish)) }
    cores[index] = core
  }

  private mutating func post(_ orders: [PermitPool.Order]) {
    messages += orders.count
    for order in orders {
      switch order {
      case .lend(let core, let number):
        fromHome[Int(core.number)].append(.lent(number, fairShare: pool.fairShare))
      case .recall(let core, let number):
        fromHome[Int(core.number)].append(.recalled(number, fairShare: pool.fairShare))
      }
    }
  }
}
