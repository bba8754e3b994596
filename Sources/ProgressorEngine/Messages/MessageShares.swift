import MachineModel

/// Of the messages whose time has come: how many each namespace of targets has in memory, and from
/// where on the rest is to be found.
///
/// A namespace has no more than it leaves free. What of it has no room is passed over, and its cut
/// says from where on; it is caught up with by reads of its own, as soon as it has room again. So
/// one whose targets do not answer, however many messages wait for them, keeps no other's from
/// being found, and what is in memory has its bound.
struct MessageShares {
  /// What each namespace may have whatever the others have.
  static let minimum = 16
  /// Namespaces whose cuts are remembered.
  static let maximumBehind = 64

  private let maximum: Int
  private var held: [ExactText: Int] = [:]
  /// Of all namespaces.
  private(set) var count = 0
  /// Beyond these cuts messages may be in the database alone. In the order in which they are caught
  /// up with.
  private var behind: [ExactText: Cut<MessagePlace>] = [:]
  private var order = RemovalQueue<ExactText>()
  /// Who is being caught up with, and the lowest place of what was passed over meanwhile: the read
  /// may lack it.
  private var reading: (name: ExactText, ceiling: Cut<MessagePlace>?)?
  /// Something was passed over that no cut tells of: all is to be found anew some time.
  private(set) var hasLost = false

  init(maximum: Int) { self.maximum = max(1, maximum) }

  /// Takes a place for a message; false = there is none, and its namespace's cut tells of it.
  mutating func take(_ namespace: String, _ place: MessagePlace) -> Bool {
    let name = ExactText(namespace)
    // Those that wait longer come first.
    let isBehind = behind[name].map { !$0.covers(place) } ?? false
    guard !isBehind, room(name) > 0 else {
      passOver(name, place)
      return false
    }
    held[name, default: 0] += 1
    count += 1
    assert(count <= 2 * maximum, "what is in memory has its bound")
    return true
  }

  /// One is not in memory any more.
  mutating func giveBack(_ namespace: String) {
    let name = ExactText(namespace)
    let rest = (held[name] ?? 0) - 1
    assert(rest >= 0, "more places are given back than were taken")
    held[name] = rest > 0 ? rest : nil
    count -= 1
  }

  /// So many more may come.
  private func room(_ name: ExactText) -> Int {
    let (own, free) = (held[name] ?? 0, maximum - count)
    let room = max(Self.minimum - own, (free - own + 1) / 2)
    return max(0, min(room, 2 * maximum - count))
  }

  private mutating func passOver(_ name: ExactText, _ place: MessagePlace) {
    let cut = Cut.before(place)
    if let (read, ceiling) = reading, read == name {
      reading = (read, ceiling.map { min($0, cut) } ?? cut)
    }
    if let known = behind[name] {
      behind[name] = min(known, cut)
    } else if behind.count < Self.maximumBehind {
      behind[name] = cut
      order.append(name)
    } else {
      hasLost = true
    }
    assert(behind.count == order.count, "each that is behind is caught up with")
  }
}

/// Catching up.
extension MessageShares {
  /// Whether everything of the namespace up to there is in memory, as far as its share goes.
  func covers(_ namespace: String, _ place: MessagePlace) -> Bool {
    behind[ExactText(namespace)]?.covers(place) ?? true
  }

  /// Who may be caught up with now, if somebody may: half of its share is free.
  var next: ExactText? {
    order.elements.first { name in
      let room = room(name)
      return room > 0 && room >= held[name] ?? 0
    }
  }

  /// Begins to catch up: from where on to read, and how many more may come.
  mutating func begin(_ name: ExactText) -> (cut: Cut<MessagePlace>, room: Int) {
    assert(behind[name] != nil && reading == nil, "who is behind is caught up with, one at a time")
    reading = (name, nil)
    // Others come first next time.
    order.remove(name)
    order.append(name)
    return (behind[name] ?? .start, room(name))
  }

  /// The namespace was read up to there; what was found is to be put in at once. With all that the
  /// look ahead covers it is behind no more.
  /// - Parameter reached: nil = the read brought nothing.
  mutating func caughtUp(to reached: Cut<MessagePlace>?, of all: Cut<MessagePlace>) {
    defer { reading = nil }
    guard let (name, ceiling) = reading, var reached else { return }
    if let ceiling { reached = min(reached, ceiling) }
    // Everything may have begun anew meanwhile.
    guard let cut = behind[name], cut < reached else { return }
    if reached < all {
      behind[name] = reached
    } else {
      behind[name] = nil
      order.remove(name)
    }
    assert(behind.count == order.count, "each that is behind is caught up with")
  }

  /// Whatever was passed over is found from its row.
  mutating func rescan() {
    behind = [:]
    order = RemovalQueue()
    hasLost = false
  }

  /// What contradicts itself; nil = nothing. Looks at everything.
  func inconsistency(_ names: [String]) -> String? {
    let counted = Dictionary(names.map { (ExactText($0), 1) }, uniquingKeysWith: +)
    if counted != held { return "namespaces have other shares of the messages than are in memory" }
    if count != names.count { return "\(count) messages have places, not \(names.count)" }
    return Set(behind.keys) == Set(order.elements) ? nil : "a namespace is behind for ever"
  }
}
