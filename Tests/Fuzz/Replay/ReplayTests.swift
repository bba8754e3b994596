import Foundation
import Testing

/// What is fuzzed for hours elsewhere, in a moment: every input that is kept, and some that are
/// near them.
@Suite("What was fuzzed") struct ReplayTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Corpus")

  @Test("every input that is kept holds", arguments: FuzzTarget.all.map(\.name))
  func corpus(_ name: String) async throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    for input in try [[]] + target.seeds() + Self.kept(of: name) {
      await Self.check(input, target)
    }
  }

  @Test("and so do its neighbours", arguments: FuzzTarget.all.map(\.name))
  func neighbours(_ name: String) async throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let kept = try target.seeds() + Self.kept(of: name)
    var random = Mutation(seed: 1)
    for _ in 0..<200 {
      let input = random.neighbour(of: kept, atMost: target.maximumBytes)
      await Self.check(input, target)
    }
  }

  @Test("each folder of the corpus is a target's, and its files can be read")
  func folders() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(Set(names).isSubset(of: FuzzTarget.all.map(\.name)))
    for name in names { #expect(try !Self.kept(of: name).isEmpty) }
  }

  @Test("inputs are written as they are read")
  func written() throws {
    let all: [[UInt8]] = [Array(0...255), Array("# \\x41\n ".utf8), [0x20], [0x23]]
    let text = all.map { Corpus.line($0) }.joined(separator: "\n")
    #expect(try Corpus.inputs(of: Array("# Why.\n\n\(text)\n".utf8)) == all)
    #expect(throws: Corpus.Problem.self) { try Corpus.inputs(of: Array("a\\y".utf8)) }
  }

  @Test("every message of the contract has its number")
  func messages() {
    #expect(Messages.missing == [])
  }

  @Test("what a target demands is demanded")
  func violations() {
    #expect(throws: Violation.self) { try demand(false, "a rule") }
    #expect(throws: Never.self) { try demand(true, "a rule") }
  }

  private static func check(_ input: [UInt8], _ target: FuzzTarget) async {
    do {
      try await target.run(input)
    } catch {
      Issue.record("\(target.name): \(error)\nthe input: \(Corpus.line(input))")
    }
  }

  private static func kept(of name: String) throws -> [[UInt8]] {
    let folder = folder.appending(path: name)
    guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().flatMap {
      try Corpus.inputs(of: Array(try Data(contentsOf: folder.appending(path: $0))))
    }
  }
}

/// Makes inputs of others, always the same ones for a seed.
private struct Mutation {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private mutating func number(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(max(1, bound)))
  }

  mutating func neighbour(of inputs: [[UInt8]], atMost limit: Int) -> [UInt8] {
    var input = inputs[number(below: inputs.count)]
    for _ in 0...number(below: 3) {
      let place = number(below: input.count + 1)
      switch number(below: 5) {
      case 0: input.insert(UInt8(number(below: 256)), at: place)
      case 1 where place < input.count: input.remove(at: place)
      case 2 where place < input.count: input[place] ^= 1 << UInt8(number(below: 8))
      case 3: input.removeSubrange(place...)
      default:
        let other = inputs[number(below: inputs.count)]
        let start = number(below: other.count + 1)
        input.insert(contentsOf: other[start...].prefix(number(below: 64)), at: place)
      }
    }
    return Array(input.prefix(limit))
  }
}
