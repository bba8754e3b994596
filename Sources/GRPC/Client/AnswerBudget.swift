import DequeModule

/// How many bytes of answers a channel holds until they are complete. A value without IO.
///
/// Small answers, and the beginnings of large ones, fit into their streams' windows and are only
/// counted. A large one asks for all of its memory when its prefix has named it, and no more of it
/// is read before that is granted, in the order of asking. It is granted when it fits beside the
/// others that were, and always when there is none: so large answers go on one by one at worst, and
/// none waits for memory while it holds what another waits for.
struct AnswerBudget<Asker> {
  /// Names who waits.
  struct Ticket: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private let limit: Int
  /// What was granted.
  private(set) var granted = 0
  /// What is held by answers that were granted nothing.
  private(set) var counted = 0
  private var askers: [Ticket: (asker: Asker, bytes: Int)] = [:]
  /// In their order, also of some that wait no more.
  private var order = Deque<Ticket>()
  private var lastNumber: UInt64 = 0

  init(limit: Int) {
    self.limit = limit
  }

  /// Counts bytes of an answer that was granted nothing, or takes them back; false when all of
  /// these together exceed the limit: the answer is to be given up then.
  mutating func count(_ bytes: Int) -> Bool {
    counted += bytes
    return bytes <= 0 || counted <= limit
  }

  /// Asks for the memory of an answer.
  ///
  /// - Returns: nil if it is granted at once; otherwise a later call will say that it is.
  mutating func ask(_ bytes: Int, for asker: Asker) -> Ticket? {
    if askers.isEmpty, fits(bytes) {
      granted += bytes
      return nil
    }
    lastNumber += 1
    let ticket = Ticket(number: lastNumber)
    askers[ticket] = (asker, bytes)
    order.append(ticket)
    return ticket
  }

  /// Gives back what was granted.
  ///
  /// - Returns: who is granted what it waited for.
  mutating func release(_ bytes: Int) -> [Asker] {
    granted -= bytes
    return grant()
  }

  /// Somebody waits no more.
  ///
  /// - Returns: who is granted what it waited for.
  mutating func forget(_ ticket: Ticket) -> [Asker] {
    askers[ticket] = nil
    return grant()
  }

  private mutating func grant() -> [Asker] {
    var lucky: [Asker] = []
    while let ticket = order.first {
      if let next = askers[ticket] {
        guard fits(next.bytes) else { break }
        granted += next.bytes
        lucky.append(next.asker)
        askers[ticket] = nil
      }
      order.removeFirst()
    }
    return lucky
  }

  private func fits(_ bytes: Int) -> Bool {
    granted == 0 || granted + bytes <= limit
  }
}
