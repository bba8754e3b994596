/// One kind of permits of a namespace as a core has them.
struct PermitShare {
  /// What it has of them, used or not.
  private(set) var held = 0
  /// What it was asked for and has not given back.
  private(set) var owed = 0
  /// What it may keep of them as long as it needs it.
  private var fairShare = 0
  /// What the home believes that it wants beside them.
  private var told = 0
  /// Lent, and not used so far.
  private var unused = 0

  /// The home knows that more are wanted.
  var isAsking: Bool { told > 0 }

  /// Steps that may run, or calls, with what is held: what is owed beyond the fair share is used no
  /// more, unless it was not used yet.
  var limit: Int { min(held, max(fairShare, held - owed + unused)) }

  mutating func lent(_ number: Int, fairShare: Int) {
    assert(number >= 0 && fairShare >= 0, "no less than nothing is lent")
    self.fairShare = fairShare
    held += number
    owed = 0
    unused += number
    told = number == 0 ? 0 : max(0, told - number)
  }

  mutating func recalled(_ number: Int, fairShare: Int) {
    assert(number >= 0 && fairShare >= 0, "no less than nothing is asked for")
    self.fairShare = fairShare
    owed = min(held, owed + number)
  }

  /// Takes out what goes back now, after those that could be used were.
  ///
  /// - Parameters:
  ///   - used: How many are in use.
  ///   - waiting: How many more could be used.
  ///   - keepsUnused: What was lent and not used yet stays as long as there is something to use it
  ///     for, which lacks something else meanwhile.
  mutating func takeReturnable(used: Int, waiting: Int, keepsUnused: Bool = false) -> Int {
    unused = keepsUnused ? max(0, min(unused, waiting, held - used)) : 0
    // What may not be used any more is not kept for anybody: else it would be neither used nor
    // given back.
    unused = max(0, min(unused, limit - used))
    let needed = max(used + unused, min(fairShare, used + waiting))
    let number = min(owed, max(0, held - needed))
    held -= number
    owed -= number
    assert(number >= 0 && held >= owed && owed >= 0, "no more is owed than is held")
    assert((0...held).contains(limit), "no more is used than is held")
    return number
  }

  /// What the home is to be told of what is wanted now; nil = nothing new. Not every step that
  /// comes is worth a message: when what was asked for is here, there is another look.
  mutating func takeWish(_ wanted: Int) -> Int? {
    assert(wanted >= 0, "no less than nothing is wanted")
    guard wanted == 0 ? told > 0 : told == 0 || wanted >= 2 * told else { return nil }
    told = wanted
    return wanted
  }
}
