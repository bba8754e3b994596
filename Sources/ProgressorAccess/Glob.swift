/// A pattern of names: `*` stands for any run of characters, `?` for one, everything else for
/// itself. `\` takes the meaning from what follows it.
///
/// It is compared scalar by scalar, so that names which differ in their bytes differ here. Matching
/// costs the text's length times a 64th of the pattern's, whatever both are: the places in the
/// pattern up to which the text so far can have come are bits of a few words, all moved at once,
/// and nothing is tried twice.
public struct Glob: Sendable, Hashable, CustomStringConvertible {
  /// The most bytes of UTF-8 that a pattern may have: every character of the longest name escaped.
  public static let maximumBytes = 512

  /// Why a text is no pattern.
  public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong; goes on after "the pattern".
    public let description: String
  }

  /// As it was written.
  public let description: String
  /// How many scalars the text has at least; bit `length` is where all of it has been found.
  private let length: Int
  /// Places at which a `*` stands: whatever comes, one may stay there.
  private let stays: [UInt64]
  /// Places from which any scalar leads on.
  private let anyLeadsOn: [UInt64]
  /// Places from which a scalar leads on, of scalars that stand in the pattern.
  private let leadsOn: [Unicode.Scalar: [UInt64]]

  /// Reads a pattern: 1 to 512 bytes without control characters. Classes and alternatives of other
  /// globs are refused, not taken for themselves: `[`, `]`, `{` and `}` are written after a `\`.
  public init(_ text: String) throws(Invalid) {
    guard !text.isEmpty else { throw Invalid(description: "is empty") }
    guard text.utf8.count <= Glob.maximumBytes else {
      throw Invalid(description: "is longer than \(Glob.maximumBytes) bytes")
    }
    let places = try Glob.places(text)
    let words = places.one.count / 64 + 1
    var stays = [UInt64](repeating: 0, count: words)
    var any = stays
    var leadsOn: [Unicode.Scalar: [UInt64]] = [:]
    for index in places.runs { stays[index / 64] |= 1 << UInt64(index % 64) }
    for (index, scalar) in places.one.enumerated() where scalar == nil {
      any[index / 64] |= 1 << UInt64(index % 64)
    }
    for case (let index, let scalar?) in places.one.enumerated() {
      leadsOn[scalar, default: any][index / 64] |= 1 << UInt64(index % 64)
    }
    description = text
    length = places.one.count
    self.stays = stays
    anyLeadsOn = any
    self.leadsOn = leadsOn
  }

  /// Whether it stands for every text.
  public var matchesEverything: Bool { length == 0 && stays == [1] }

  /// Whether all of the text is one that the pattern stands for.
  public func matches(_ text: String) -> Bool {
    var reached = [UInt64](repeating: 0, count: stays.count)
    reached[0] = 1
    for scalar in text.unicodeScalars {
      let steps = leadsOn[scalar] ?? anyLeadsOn
      var alive: UInt64 = 0
      // From the last word to the first: the bit that comes in is of the word before, unmoved yet.
      for word in reached.indices.reversed() {
        let carried = word == 0 ? 0 : (reached[word - 1] & steps[word - 1]) >> 63
        reached[word] = (reached[word] & steps[word]) << 1 | carried | reached[word] & stays[word]
        alive |= reached[word]
      }
      if alive == 0 { return false }
    }
    return reached[length / 64] >> UInt64(length % 64) & 1 == 1
  }

  /// Whether both were written with the same bytes.
  public static func == (a: Glob, b: Glob) -> Bool {
    a.description.utf8.elementsEqual(b.description.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in description.utf8 { hasher.combine(byte) }
  }

  /// What stands for one scalar each, nil = any, and before which of them runs may stand.
  private static func places(
    _ text: String
  ) throws(Invalid) -> (one: [Unicode.Scalar?], runs: [Int]) {
    var one: [Unicode.Scalar?] = []
    var runs: [Int] = []
    var isEscaped = false
    for scalar in text.unicodeScalars {
      if scalar.value < 0x20 || scalar.value == 0x7F {
        throw Invalid(description: "has a control character")
      }
      switch scalar {
      case _ where isEscaped:
        one.append(scalar)
        isEscaped = false
      case "\\": isEscaped = true
      case "*": runs.append(one.count)
      case "?": one.append(nil)
      case "[", "]", "{", "}":
        throw Invalid(
          description: "has \(scalar), which stands for nothing here: write \\\(scalar) if it is "
            + "part of the name")
      default: one.append(scalar)
      }
    }
    if isEscaped { throw Invalid(description: "ends with a \\ that escapes nothing") }
    return (one, runs)
  }
}
