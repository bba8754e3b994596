/// One kind of permits of a namespace as its home knows them: who has how many, who wants more, and
/// what is on its way back.
///
/// Nobody waits for ever. Who wants some and has fewer than its fair share gets them, since then
/// somebody has more than his, or does not need his. Who has more gives back as its steps end, and
/// then stands in line like the others: so a single permit goes around.
struct PermitPool {
  /// What the home has to say to a core.
  enum Order: Hashable {
    case lend(CoreNumber, Int)
    case recall(CoreNumber, Int)
  }

  /// A core, as far as the home knows.
  private struct Borrower {
    /// It has them, or they are on their way to it or back.
    var lent = 0
    /// Of those, what it was asked for and has not given back.
    var recalled = 0
    /// What it wants beside them.
    var wanted = 0
  }

  private(set) var limit = 0
  private var isOpen = false
  private var borrowers: [Borrower]
  /// Whose turn it is when there are not enough for all.
  private var next = 0

  /// - Parameter cores: 1 at least.
  init(cores: Int32) {
    borrowers = Array(repeating: Borrower(), count: Int(cores))
  }

  /// What each core may have, whatever the others want: of those that want more each as much. What
  /// does not divide goes around.
  var fairShare: Int {
    let wanting = borrowers.count { $0.wanted > 0 }
    let elsewhere = borrowers.reduce(0) { $0 + ($1.wanted > 0 ? 0 : $1.lent) }
    return max(equalShare, (limit - elsewhere) / max(1, wanting))
  }

  private var equalShare: Int { limit / borrowers.count }

  /// What nobody has; negative after the limit was lowered, until so many are back.
  private var free: Int { limit - borrowers.reduce(0) { $0 + $1.lent } }

  func lent(to core: CoreNumber) -> Int { borrowers[Int(core.number)].lent }

  /// There are so many from now on, not below 0. At first each core hears that the home is there,
  /// which was told in vain before what the core wants, and gets its fair share before it asks.
  mutating func begin(limit: Int) -> [Order] {
    assert(limit >= 0, "there are no fewer permits than none")
    if isOpen, limit == self.limit { return [] }
    self.limit = limit
    if isOpen { return settle() }
    isOpen = true
    return borrowers.indices.flatMap { index in
      let greeting = lend(0, to: index)
      return equalShare > 0 ? [greeting, lend(equalShare, to: index)] : [greeting]
    }
  }

  mutating func wants(_ core: CoreNumber, _ number: Int) -> [Order] {
    assert(number >= 0, "no less than nothing is wanted")
    borrowers[Int(core.number)].wanted = number
    return settle()
  }

  mutating func returned(_ core: CoreNumber, _ number: Int) -> [Order] {
    let index = Int(core.number)
    assert(number >= 0 && number <= borrowers[index].lent, "more comes back than was lent")
    borrowers[index].lent -= number
    borrowers[index].recalled = max(0, borrowers[index].recalled - number)
    return settle()
  }

  private mutating func lend(_ number: Int, to index: Int) -> Order {
    borrowers[index].lent += number
    // It owes nothing of before: else what it gets could go back unused, and around for ever.
    borrowers[index].recalled = 0
    borrowers[index].wanted = max(0, borrowers[index].wanted - number)
    assert(number >= 0, "no less than nothing is lent")
    return .lend(CoreNumber(Int32(index)), number)
  }

  /// Lends what is free to those who want it, and asks for what is missing.
  private mutating func settle() -> [Order] {
    let lent = lendFree()
    assert(free <= 0 || !borrowers.contains { $0.wanted > 0 }, "what is free is wanted by nobody")
    return lent.isEmpty ? recallMissing() : lent + recallMissing()
  }

  private mutating func lendFree() -> [Order] {
    var free = free
    guard free > 0 else { return [] }
    var shares = [Int](repeating: 0, count: borrowers.count)
    while free > 0 {
      let wanting = (0..<borrowers.count).map { (next + $0) % borrowers.count }
        .filter { borrowers[$0].wanted > shares[$0] }
      guard !wanting.isEmpty else { break }
      let portion = max(1, free / wanting.count)
      for index in wanting where free > 0 {
        let share = min(portion, free, borrowers[index].wanted - shares[index])
        shares[index] += share
        free -= share
        next = (index + 1) % borrowers.count
      }
    }
    // Who had to ask is likely to need more soon: what nobody wants fills up its fair share.
    for index in borrowers.indices where shares[index] > 0 && free > 0 {
      let extra = min(free, equalShare - borrowers[index].lent - shares[index])
      guard extra > 0 else { continue }
      shares[index] += extra
      free -= extra
    }
    defer { assert(self.free >= 0, "no more is lent than there is") }
    return shares.indices.filter { shares[$0] > 0 }.map { lend(shares[$0], to: $0) }
  }

  /// Asks for what is missing: whoever wants no more for all of it, since only he knows what he has
  /// to spare, and the others for what is beyond their fair share.
  private mutating func recallMissing() -> [Order] {
    let debt = max(0, -free)
    let wanted = borrowers.reduce(0) { $0 + $1.wanted }
    guard debt + wanted > 0 else { return [] }
    let fairShare = fairShare
    var orders: [Order] = []
    for index in borrowers.indices {
      let borrower = borrowers[index]
      // What it wants itself is no reason to give anything back.
      let missing = debt + wanted - borrower.wanted
      let spare = borrower.wanted == 0 ? borrower.lent : max(0, borrower.lent - fairShare)
      let number = min(missing, spare) - borrower.recalled
      guard number > 0 else { continue }
      borrowers[index].recalled += number
      assert(borrowers[index].recalled <= borrower.lent, "no more is asked for than was lent")
      orders.append(.recall(CoreNumber(Int32(index)), number))
    }
    return orders
  }
}
