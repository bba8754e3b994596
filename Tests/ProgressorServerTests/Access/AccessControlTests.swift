import GRPC
import MachineModel
import ProgressorAccess
import Testing

@testable import ProgressorServer

@Suite("AccessControl")
struct AccessControlTests {
  private static func control() throws -> AccessControl {
    // printf %s secret | sha256sum
    let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    let rules = [
      AccessRule(principals: ["alice"], namespaces: [try Glob("pay-*")], roles: [.read]),
      AccessRule(principals: ["uid:7"], namespaces: [try Glob("*")], roles: [.drive]),
    ]
    return AccessControl(
      tokens: try TokenFile(Array("alice sha256:\(digest)".utf8)),
      policy: AccessPolicy(rules: rules))
  }

  private static func head(
    _ method: String, authorization: String? = nil, user: UInt32? = nil,
    certificate: PeerCertificate? = nil
  ) throws -> CallHead {
    var metadata = Metadata()
    if let authorization { try metadata.append("authorization", text: authorization) }
    return CallHead(
      path: "/progressor.v1.Automaton/\(method)", metadata: metadata, peer: "test", peerUser: user,
      certificate: certificate)
  }

  private static func code(_ head: CallHead) throws -> StatusCode? {
    guard case .refused(let status) = try control().admit(head) else { return nil }
    return status.code
  }

  @Test("A token goes before the socket's user, and that before nothing")
  func order() throws {
    #expect(try Self.code(Self.head("Get", authorization: "Bearer secret")) == nil)
    #expect(try Self.code(Self.head("Get", authorization: "Bearer secret", user: 7)) == nil)
    let driving = try Self.head("Call", authorization: "Bearer secret", user: 7)
    #expect(try Self.code(driving) == .permissionDenied)
    #expect(try Self.code(Self.head("Call", user: 7)) == nil)
    #expect(try Self.code(Self.head("Call", user: 8)) == .permissionDenied)
    #expect(try Self.code(Self.head("Call")) == .unauthenticated)
  }

  @Test("A certificate comes behind a token and before the socket's user; without a name it is bad")
  func certificates() throws {
    let alice = PeerCertificate.named("alice")
    #expect(try Self.code(Self.head("Get", certificate: alice)) == nil)
    #expect(try Self.code(Self.head("Call", user: 7, certificate: alice)) == .permissionDenied)
    let bad = try Self.head("Get", authorization: "Bearer x", certificate: alice)
    #expect(try Self.code(bad) == .unauthenticated)
    for name in ["uid:7", "anonymous", "", nil] {
      let certificate = name.map { PeerCertificate.named($0) } ?? .nameless
      let head = try Self.head("Call", user: 7, certificate: certificate)
      #expect(try Self.code(head) == .unauthenticated)
    }
  }

  @Test("Bad credentials are worth less than none", arguments: ["Bearer x", "Basic x", "secret"])
  func bad(authorization: String) throws {
    let head = try Self.head("Call", authorization: authorization, user: 7)
    #expect(try Self.code(head) == .unauthenticated)
  }

  @Test("What is open is so whatever is shown")
  func open() throws {
    var metadata = Metadata()
    try metadata.append("authorization", text: "Bearer wrong")
    let head = CallHead(path: "/grpc.health.v1.Health/Check", metadata: metadata, peer: "test")
    #expect(try Self.code(head) == nil)
  }

  @Test("Without a file of tokens every token is bad")
  func noTokens() throws {
    let control = AccessControl(tokens: nil, policy: AccessPolicy(rules: []))
    let head = try Self.head("Get", authorization: "Bearer secret")
    guard case .refused(let status) = control.admit(head) else { return #expect(Bool(false)) }
    #expect(status.code == .unauthenticated)
  }
}
