/// Who is at the other end of a connection.
struct PeerIdentity: Sendable {
  /// As requests tell it: `127.0.0.1:4711`, `[::1]:4711` or `unix:`.
  let name: String
  /// The user of the process at the other end, for a Unix socket.
  let user: UInt32?
  /// What it showed in its handshake.
  var certificate: PeerCertificate?

  init(name: String, user: UInt32? = nil, certificate: PeerCertificate? = nil) {
    self.name = name
    self.user = user
    self.certificate = certificate
  }
}
