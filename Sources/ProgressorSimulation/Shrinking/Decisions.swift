/// What a run decided: which requests clients sent, and which faults struck. Everything else
/// follows from the seed, so a run can be repeated with a part of its decisions.
struct Decisions: Sendable, Hashable {
  /// One fault that struck: the `ordinal`th of its kind that was drawn.
  struct Strike: Sendable, Hashable {
    var kind: FaultKind
    var ordinal: Int
  }

  /// By number, in the order in which the requests were drawn.
  var requests: Set<Int>
  var strikes: Set<Strike>
  /// When the phase of faults ends.
  var end: Int64

  /// All of them, in an order that is the same in every process.
  var items: [Item] {
    requests.sorted().map { Item.request($0) }
      + strikes.sorted { ($0.kind.rawValue, $0.ordinal) < ($1.kind.rawValue, $1.ordinal) }
      .map { Item.strike($0) }
  }

  enum Item: Sendable, Hashable {
    case request(Int)
    case strike(Strike)
  }

  func without(_ items: some Sequence<Item>) -> Decisions {
    var rest = self
    for item in items {
      switch item {
      case .request(let number): rest.requests.remove(number)
      case .strike(let strike): rest.strikes.remove(strike)
      }
    }
    return rest
  }
}

extension Decisions: CustomStringConvertible {
  var description: String {
    var counts: [FaultKind: Int] = [:]
    for strike in strikes { counts[strike.kind, default: 0] += 1 }
    let faults = FaultKind.allCases.compactMap { kind in
      counts[kind].map { $0 == 1 ? "\(kind)" : "\($0) × \(kind)" }
    }
    return
      "\(requests.count) requests, \(faults.isEmpty ? "no fault" : faults.joined(separator: ", "))"
  }
}
