import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What every TCP socket is told, accepted and connected ones.
enum TCPOptions {
  /// Bytes that a socket takes and has not sent yet. The kernel would take some MiB for a peer that
  /// does not read, which no budget of ours counts, and which go before what is written later;
  /// what is under way is not limited, so that a fast and far peer is served as fast.
  private static let unsentBytes = 128 << 10

  static let all: [(ChannelOptions.Types.SocketOption, ChannelOptions.Types.SocketOption.Value)] = [
    (.tcpOption(.tcp_nodelay), 1),
    (.tcpOption(.init(rawValue: TCP_NOTSENT_LOWAT)), .init(unsentBytes)),
  ]
}
