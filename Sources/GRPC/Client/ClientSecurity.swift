public import NIOCore

/// What secures the connections of a channel before HTTP/2 begins on them: TLS.
public protocol ClientSecurity: Sendable {
  /// Gets what one new connection takes, which may be read from files: off the loop.
  ///
  /// - Parameter target: whose name the peer has to show.
  /// - Returns: a future of `eventLoop`. Its error says in a few words why there is no handshake.
  func prepare(
    for target: ChannelTarget, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ClientHandshake>
}

/// The beginning of a handshake.
public struct ClientHandshake: Sendable {
  /// Puts what secures a connection into its pipeline, on its loop. The closure is told once how
  /// the handshake ended, before any byte goes on to the next handler.
  public typealias Begin =
    @Sendable (any Channel, @escaping (Result<Void, any Error>) -> Void) throws -> Void

  let begin: Begin

  /// A handshake that begins so.
  public init(_ begin: @escaping Begin) { self.begin = begin }
}
