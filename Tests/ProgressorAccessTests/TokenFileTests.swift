import ProgressorAccess
import Testing

@Suite("TokenFile")
struct TokenFileTests {
  /// `printf %s secret | sha256sum`.
  private static let secret =
    "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
  /// `printf %s other | sha256sum`.
  private static let other =
    "sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

  private static func problem(_ text: String) -> TokenFile.Problem? {
    problem(bytes: Array(text.utf8))
  }

  private static func problem(bytes: [UInt8]) -> TokenFile.Problem? {
    do throws(TokenFile.Problem) {
      _ = try TokenFile(bytes)
      return nil
    } catch { return error }
  }

  private static func principal(of token: String, in text: String) throws -> Principal? {
    try TokenFile(Array(text.utf8)).principal(showing: token.utf8)
  }

  @Test("A token is its principal's, with its groups; comments and blank lines say nothing")
  func reading() throws {
    let text = """
      # who drives payments
      \t
      alice  \(Self.secret)\tops,dev\r
        # indented
      bob \(Self.other.uppercased().replacing("SHA256", with: "sha256"))
      """
    let alice = try #require(try Self.principal(of: "secret", in: text))
    #expect(alice.name == "alice" && alice.groups == ["ops", "dev"] && alice.kind == .bearer)
    let bob = try #require(try Self.principal(of: "other", in: text))
    #expect(bob.name == "bob" && bob.groups.isEmpty)
    for token in ["", "secret ", "Secret", "secret\n", "se", "alice"] {
      #expect(try Self.principal(of: token, in: text) == nil)
    }
    #expect(try TokenFile([]).count == 0)
    let bracketed = try Self.principal(of: "secret", in: "a \(Self.secret) [ops,dev]")
    #expect(bracketed?.groups == ["ops", "dev"])
  }

  @Test("A principal may have several tokens, a token one principal")
  func several() throws {
    let rotated = try TokenFile(Array("a \(Self.secret)\na \(Self.other)".utf8))
    #expect(rotated.count == 2)
    let twice = Self.problem("a \(Self.secret)\n\nb \(Self.secret)")
    #expect(
      twice?.line == 3 && twice?.field == "digest" && twice?.problem.contains("line 1") == true)
  }

  @Test(
    "What is wrong is named by line and field",
    arguments: [
      ("a", "digest"), ("a secret", "digest"), ("a sha256:abc", "digest"),
      ("a SHA256:\(secret.dropFirst(7))", "digest"), ("a \(secret)0", "digest"),
      ("a \(secret.dropLast())g", "digest"), ("a \(secret) g h", ""), ("a \(secret) g,", "groups"),
      ("a \(secret) g,g", "groups"), ("a \(secret) ,", "groups"), ("a \(secret) g\u{0}", "groups"),
      ("a\u{0} \(secret)", "principal"), ("anonymous \(secret)", "principal"),
      ("uid:0 \(secret)", "principal"),
      // printf '' | sha256sum
      ("a sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "digest"),
    ])
  func wrong(line: String, field: String) {
    let problem = Self.problem("# first\nok \(Self.other)\n" + line)
    #expect(problem?.line == 3 && problem?.field == field)
  }

  @Test("No message quotes what stands in the file: it may be a token")
  func quiet() {
    for text in ["hunter2", "a hunter2", "a \(Self.secret) g hunter2", "a sha256:hunter2"] {
      let description = Self.problem(text)?.description ?? "hunter2"
      #expect(!description.contains("hunter2"), "\(description)")
    }
  }

  @Test("Sizes have bounds: at them a file is read, beyond them refused")
  func bounds() throws {
    let name = String(repeating: "n", count: 256)
    #expect(Self.problem("\(name) \(Self.secret)") == nil)
    #expect(Self.problem("\(name)n \(Self.secret)")?.field == "principal")
    #expect(Self.problem("a \(Self.secret) \(name)n")?.field == "groups")
    let groups = (0..<100).map { "g\($0)" }.joined(separator: ",")
    #expect(Self.problem("a \(Self.secret) \(groups)") == nil)
    #expect(Self.problem("a \(Self.secret) \(groups),x")?.field == "groups")
    let thousand = (0..<1_000).map { "g\($0)" }.joined(separator: ",")
    #expect(Self.problem("a \(Self.secret) \(thousand)")?.field == "groups")
    #expect(Self.problem(bytes: [UInt8](repeating: 0x61, count: 16 << 20))?.line == 1)
    #expect(Self.problem(bytes: [UInt8](repeating: 0x61, count: (16 << 20) + 1))?.line == 0)
    #expect(Self.problem(bytes: [0x61, 0xFF, 0x20] + Self.secret.utf8)?.field == "principal")
    let lines = (0...10_000).map { number in
      let digits = String(number, radix: 16)
      return "a sha256:" + String(repeating: "0", count: 64 - digits.count) + digits
    }
    #expect(Self.problem(lines.dropLast().joined(separator: "\n")) == nil)
    #expect(Self.problem(lines.joined(separator: "\n"))?.line == 10_001)
  }

  @Test("A token of any length is looked up or refused at once")
  func longTokens() throws {
    let file = try TokenFile(Array("a \(Self.secret)".utf8))
    #expect(file.principal(showing: [UInt8](repeating: 0x61, count: 8 << 10)) == nil)
    #expect(file.principal(showing: [UInt8](repeating: 0x61, count: 80 << 10)) == nil)
  }

  @Test("Digests are equal when all of their bits are")
  func digests() {
    let digest = TokenDigest(of: "secret".utf8)
    #expect(digest == TokenDigest(of: Array("secret".utf8)))
    #expect(digest != TokenDigest(of: "secreu".utf8))
    #expect(digest.hashValue == TokenDigest(of: "secret".utf8).hashValue)
  }
}
