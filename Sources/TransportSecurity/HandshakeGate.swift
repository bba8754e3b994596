import NIOCore
import NIOSSL
import NIOTLS

/// Waits behind TLS for the end of the handshake, demands HTTP/2, and tells once how it ended;
/// then it leaves the pipeline. Confined to the event loop.
final class HandshakeGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// The name of HTTP/2 (RFC 9113, section 3.2).
  static let applicationProtocol = "h2"

  typealias Ended = (Result<NIOSSLCertificate?, HandshakeFailure>) -> Void

  private let tls: NIOSSLHandler
  private var ended: Ended?

  /// - Parameter ended: is told the peer's certificate, before any byte goes on.
  init(_ tls: NIOSSLHandler, ended: @escaping Ended) {
    self.tls = tls
    self.ended = ended
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    guard negotiated == Self.applicationProtocol else {
      end(.failure(HandshakeFailure("the peer does not speak HTTP/2 here (no ALPN h2)")))
      return context.close(promise: nil)
    }
    end(.success(tls.peerCertificate))
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  /// Bytes of HTTP/2 come after the handshake only.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if ended == nil { context.fireChannelRead(data) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard ended != nil else { return context.fireErrorCaught(error) }
    end(.failure(HandshakeFailure(error)))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(.failure(HandshakeFailure("the connection was closed during the handshake")))
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end(.failure(HandshakeFailure("the connection was closed during the handshake")))
  }

  private func end(_ result: Result<NIOSSLCertificate?, HandshakeFailure>) {
    ended.take()?(result)
  }
}

/// Stands behind a client's handshake and says in words what BoringSSL's errors are. By TLS 1.3 a
/// server looks at the client's certificate only when the client is done: its alert comes later.
final class LateAlerts: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard case BoringSSLError.sslError = error else { return context.fireErrorCaught(error) }
    context.fireErrorCaught(HandshakeFailure("no TLS: \(HandshakeFailure(error))"))
  }
}

/// Why there is no TLS with a peer, in a few words.
struct HandshakeFailure: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  init(_ error: any Error) {
    switch error {
    case NIOSSLError.handshakeFailed(.sslError(let stack)), BoringSSLError.sslError(let stack):
      description = Self.words(stack.map(\.description)) ?? "the handshake failed"
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      description = "the peer's certificate is of another name"
    default: description = "\(error)"
    }
  }

  /// BoringSSL's own words begin behind the number and the library: `Error: 268435581
  /// error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …`.
  private static func words(_ errors: [String]) -> String? {
    let texts = errors.map { error -> String in
      let whole = error.split(separator: ":OPENSSL_internal:", maxSplits: 1).last ?? error[...]
      return String(whole.prefix { $0 != " " }).replacing("_", with: " ").lowercased()
    }
    if texts.contains(where: { $0.hasSuffix("certificate required") }) {
      return "the peer demands a certificate"
    }
    return texts.isEmpty ? nil : texts.joined(separator: ", ")
  }
}
