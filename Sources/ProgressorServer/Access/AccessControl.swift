import GRPC
import MachineModel
import ProgressorAccess
import ProgressorJWT

/// Who a call comes from and what it may do: the first stage of authorisation, before the body.
/// Called on the connections' loops.
struct AccessControl: Sendable {
  /// nil = no tokens are taken.
  let tokens: TokenFile?
  /// nil = no JSON Web Tokens are taken.
  var issuedTokens: TokenVerifier?
  let policy: AccessPolicy

  func admit(_ head: CallHead) -> CallAdmission {
    let access = MethodAccess.of(path: head.path)
    // Whoever watches over the server need not be known to it, whatever they show.
    if case .open = access { return .admitted(nil) }
    let principal: Principal
    switch verdict(head) {
    case .principal(let caller): principal = caller
    case .bad: return .refused(.unauthenticated("the credentials are not known here"))
    case .tooManyBad:
      return .refused(RPCStatus(.overloaded("too many bad tokens: new ones are not looked at now")))
    }
    switch policy.decide(principal, access) {
    case .open: return .admitted(nil)
    case .allowed(let grant):
      return .admitted(AdmittedCaller(principal: principal, grant: grant))
    case .denied: return .refused(RPCStatus(.notAllowed))
    case .unauthenticated:
      return .refused(.unauthenticated("the method takes credentials: a token or a certificate"))
    }
  }

  /// Who asks. Credentials that are bad count for nothing less than they claim.
  private func verdict(_ head: CallHead) -> TokenVerifier.Verdict {
    switch BearerToken(head.metadata) {
    case .token(let token):
      if let principal = tokens?.principal(showing: token) { return .principal(principal) }
      guard let issuedTokens, TokenVerifier.isToken(token) else { return .bad }
      let now = NodeClock().now()
      return issuedTokens.verdict(
        on: token, connection: head.connection, at: (now.wall, now.uptime))
    case .malformed: return .bad
    case .none: return ofConnection(head).map { .principal($0) } ?? .bad
    }
  }

  /// nil = the connection has a certificate, and no name in it that a principal may have.
  private func ofConnection(_ head: CallHead) -> Principal? {
    switch head.certificate {
    case .named(let name): Principal(credentials: .certificate, name: name, groups: [])
    case .nameless: nil
    case nil: head.peerUser.map { .socketPeer(uid: $0) } ?? .anonymous
    }
  }
}

/// Of a call that was admitted: who asks, and where they may do so.
struct AdmittedCaller: Sendable {
  let principal: Principal
  let grant: AccessGrant
}

extension ProgressorError {
  /// Says nothing of what there is.
  static let notAllowed = ProgressorError(
    .permissionDenied, .notAllowed, "no rule allows this to the caller")
}

extension RPCStatus {
  static func unauthenticated(_ message: String) -> RPCStatus {
    RPCStatus(ProgressorError(.unauthenticated, .unauthenticated, message))
  }
}
