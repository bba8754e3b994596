/// Why something at the HTTP/2 level went wrong, and how far the damage reaches.
public struct HTTP2Error: Error, Equatable, Sendable {
  /// How far an error reaches; this alone decides between RST_STREAM and GOAWAY
  /// (RFC 9113 sections 5.4.1 and 5.4.2).
  public enum Scope: Equatable, Sendable {
    /// One stream is lost, the connection goes on.
    case stream(Int32)
    /// The connection is lost: send what `takeOutput` still has (a GOAWAY), then close it.
    case connection
  }

  /// What happened, for code that has to tell the cases apart.
  public enum Reason: Equatable, Sendable {
    /// A server saw something else than the client connection preface: not an HTTP/2 client.
    case notHTTP2
    /// The peer broke the protocol.
    case protocolViolation
    /// The peer exceeded one of `SessionSettings.floods`.
    case flood
    /// A header list exceeded `HeaderLimits.listSize`.
    case headerListTooLarge
    /// A request's header fields are longer than HTTP/2 can carry here; nothing of it was sent.
    case unsendable
    /// This session is closing, or closed: it takes no new streams and no more bytes.
    case closing
    /// All stream identifiers of this connection are used: open another connection.
    case streamIDsExhausted
    /// The stream does not exist any more, or the call does not fit its state.
    case invalidStreamState
    /// The system gave no memory.
    case outOfMemory
  }

  /// How far the damage reaches.
  public let scope: Scope
  /// What happened.
  public let reason: Reason
  /// The code that the peer is told, where it is told one.
  public let code: ErrorCode
  /// For people, in English.
  public let message: String

  /// Makes an error of all its parts.
  public init(scope: Scope, reason: Reason, code: ErrorCode, message: String) {
    self.scope = scope
    self.reason = reason
    self.code = code
    self.message = message
  }

  static func connection(_ reason: Reason, _ code: ErrorCode, _ message: String) -> HTTP2Error {
    HTTP2Error(scope: .connection, reason: reason, code: code, message: message)
  }
}

extension HTTP2Error: CustomStringConvertible {
  /// The message, with scope and code.
  public var description: String {
    switch scope {
    case .stream(let id): "\(message) (stream \(id), \(code))"
    case .connection: "\(message) (connection, \(code))"
    }
  }
}
