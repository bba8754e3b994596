/// One way in for bytes that somebody else chose, and what must hold whatever they are: nothing
/// traps, and what its `check` demands.
struct FuzzTarget: Sendable {
  /// How a check goes: some of what is checked can only be waited for.
  enum Check: Sendable {
    case atOnce(@Sendable ([UInt8]) throws -> Void)
    case waiting(@Sendable ([UInt8]) async throws -> Void)
  }

  /// The folder of its corpus, and its name on the command line.
  let name: String
  /// The longest input that is worth its time, in bytes.
  let maximumBytes: Int
  /// Inputs that are right, made by code: whatever the format becomes, they follow.
  let seeds: @Sendable () -> [[UInt8]]
  /// Throws ``Violation``, or whatever else should not have been thrown.
  let check: Check

  /// All of them. `scripts/fuzz` runs one after the other.
  static let all: [FuzzTarget] = [
    .serverSession, .clientSession, .serverConnection, .framing, .metadata, .requests, .replies,
    .configuration, .access, .tokens, .texts, .sinks,
  ]

  /// Checks one input.
  func run(_ input: [UInt8]) async throws {
    switch check {
    case .atOnce(let check): try check(input)
    case .waiting(let check): try await check(input)
    }
  }
}

/// Something that must hold did not.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// Throws a violation unless the condition holds.
func demand(_ condition: Bool, _ rule: @autoclosure () -> String) throws {
  if !condition { throw Violation(description: rule()) }
}

/// An input, taken apart from its beginning: first what steers the check, then the bytes that the
/// other side sends.
struct FuzzInput {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// The next byte; 0 at the end, so that no input is too short.
  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  /// What is left, as text; bytes that are no UTF-8 are replaced.
  var text: String { String(decoding: rest, as: UTF8.self) }

  /// What is left, cut as a socket might: the pieces follow from a number, 0 = byte by byte.
  func pieces(by number: UInt8) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var state = UInt64(number)
    var rest = rest
    while !rest.isEmpty {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let size = number == 0 ? 1 : 1 + Int((state >> 33) % (UInt64(number) * 2))
      pieces.append(rest.prefix(size))
      rest = rest.dropFirst(size)
    }
    return pieces
  }
}
