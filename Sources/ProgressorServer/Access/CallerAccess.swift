import GRPC
import MachineModel
import NIOCore
import ProgressorAccess
import ProgressorProto

/// The second stage of authorisation: what a request may be about, once it is decoded, and before
/// anything is looked up.
struct CallerAccess: Sendable {
  /// nil = there is no authorisation: everything is allowed.
  private let caller: AdmittedCaller?

  init(_ request: UnaryRequest) { caller = request.caller as? AdmittedCaller }

  init(_ request: StreamRequest) { caller = request.caller as? AdmittedCaller }

  /// Whether there are rules that could say no.
  var isRestricted: Bool { caller != nil }

  /// Who asks; nil = nobody asked who it is, or the caller has no credentials.
  var principalName: String? {
    guard let caller, caller.principal.kind != .anonymous else { return nil }
    return caller.principal.name.text
  }

  /// Whether it may be about the namespace.
  func allows(_ namespace: String) -> Bool {
    caller.map { $0.grant.payloads(in: namespace) != nil } ?? true
  }

  /// Whether it may be about whatever namespace: what is not there can be said not to be.
  var allowsEverything: Bool { caller.map(\.grant.coversEverything) ?? true }

  /// What the caller hears of a request that cannot be used: what is wrong with it only if it may
  /// ask about that namespace, or whatever it is about.
  ///
  /// - Parameters:
  ///   - message: The request, encoded.
  ///   - path: Where it names its namespace: the numbers of the fields.
  func refusal(
    _ error: ProgressorError, of message: ByteBuffer, namespaceAt path: [UInt32] = [1]
  ) -> ProgressorError {
    if allowsEverything { return error }
    let namespace = message.withUnsafeReadableBytes { EncodedText.text(at: path, of: $0) }
    return namespace.map(allows) == true ? error : .notAllowed
  }

  /// What a request about the namespace may show.
  ///
  /// - Throws: NOT_ALLOWED when it may not be about it, whether or not it exists.
  @discardableResult
  func payloads(in namespace: String) throws(ProgressorError) -> PayloadVisibility {
    guard let caller else { return .visible }
    guard let payloads = caller.grant.payloads(in: namespace) else { throw .notAllowed }
    return payloads
  }
}
