/// What is known of a call before its body: all that its admission goes by.
public struct CallHead: Sendable {
  /// `/package.Service/Method`; the server has this method.
  public let path: String
  /// The client's metadata, without what belongs to gRPC and HTTP.
  public let metadata: Metadata
  /// Who asks: `127.0.0.1:4711`, `[::1]:4711` or `unix:`.
  public let peer: String
  /// The user of the process that opened the Unix socket; nil for TCP.
  public let peerUser: UInt32?
  /// Of the connection that brought it: no other of the process has this number.
  public let connection: UInt64
  /// What the client showed in its handshake; nil = nothing.
  public let certificate: PeerCertificate?

  /// Of a call that no connection brought.
  public init(
    path: String, metadata: Metadata, peer: String, peerUser: UInt32? = nil,
    certificate: PeerCertificate? = nil, connection: UInt64 = 0
  ) {
    self.path = path
    self.metadata = metadata
    self.peer = peer
    self.peerUser = peerUser
    self.connection = connection
    self.certificate = certificate
  }
}

/// Whether a call may go on to its handler.
public enum CallAdmission: Sendable {
  /// It may; the handler finds in the request what is said here of the caller.
  case admitted((any Sendable)?)
  /// It is answered with this status, and its body is neither read nor decompressed.
  case refused(RPCStatus)
}
