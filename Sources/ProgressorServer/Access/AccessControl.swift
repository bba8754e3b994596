import GRPC
import MachineModel
import ProgressorAccess

/// Who a call comes from and what it may do: the first stage of authorisation, before the body.
/// Called on the connections' loops.
struct AccessControl: Sendable {
  /// nil = no tokens are taken.
  let tokens: TokenFile?
  let policy: AccessPolicy

  func admit(_ head: CallHead) -> CallAdmission {
    let access = MethodAccess.of(path: head.path)
    // Whoever watches over the server need not be known to it, whatever they show.
    if case .open = access { return .admitted(nil) }
    guard let principal = principal(head) else {
      return .refused(.unauthenticated("the credentials are not known here"))
    }
    switch policy.decide(principal, access) {
    case .open: return .admitted(nil)
    case .allowed(let grant):
      return .admitted(AdmittedCaller(principal: principal, grant: grant))
    case .denied: return .refused(RPCStatus(.notAllowed))
    case .unauthenticated:
      return .refused(.unauthenticated("the method takes credentials: send authorization: Bearer"))
    }
  }

  /// nil = there are credentials, and they are bad: they count for nothing less than they claim.
  private func principal(_ head: CallHead) -> Principal? {
    switch BearerToken(head.metadata) {
    case .token(let token): tokens?.principal(showing: token)
    case .malformed: nil
    case .none: head.peerUser.map { .socketPeer(uid: $0) } ?? .anonymous
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
