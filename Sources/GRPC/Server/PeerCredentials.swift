import Glibc
import NIOCore

/// Who is at the other end of a Unix socket, as the system says: nobody can claim it.
enum PeerCredentials {
  /// `struct ucred`: process, user, group. Three words of one type have the layout of C.
  private typealias Credentials = (UInt32, UInt32, UInt32)

  /// The user of the process that connected; nil = the system does not say. On the channel's loop.
  static func user(of channel: any Channel) -> EventLoopFuture<UInt32?> {
    guard let options = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeSucceededFuture(nil)
    }
    let credentials: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(
      level: .socket, name: .init(rawValue: SO_PEERCRED))
    return credentials.map { .some($0.1) }.recover { _ in nil }
  }
}
