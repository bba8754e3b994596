import AsyncHTTPClient
import Glibc
import MachineModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a request had no answer, in words that go behind the name of the host.
enum WebhookFailureText {
  /// Bytes that a text of others may have.
  private static let maximumBytes = 200

  /// One line.
  static func text(of error: any Error) -> String {
    switch error {
    case is CancellationError: "was not waited for"
    case let error as HTTPClientError: text(of: error)
    case let error as NIOConnectionError: text(of: error)
    case let error as NIOSSLError: text(of: error)
    case let error as NIOSSLExtraError:
      error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch
        ? "has a certificate for another name" : "failed the TLS handshake: \(line(error))"
    case ChannelError.connectTimeout: "did not answer in time"
    case HTTPParserError.invalidEOFState, is ChannelError: early
    case is HTTPParserError, is NIOHTTPDecoderError: "answered what is not HTTP"
    case let error as IOError: text(of: error)
    default: "could not be asked: \(line(error))"
    }
  }

  private static func text(of error: HTTPClientError) -> String {
    switch error {
    case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .tlsHandshakeTimeout,
      .getConnectionFromPoolTimeout:
      "did not answer in time"
    case .remoteConnectionClosed: early
    case .cancelled, .alreadyShutdown: "was not asked: the sink is closed"
    // Without what is associated with it.
    default: "could not be asked: \(error.shortDescription)"
    }
  }

  private static func text(of error: NIOConnectionError) -> String {
    switch error.connectionErrors.first?.error {
    case nil: "has a name that was not found"
    case let error as IOError: text(of: error)
    default: "could not be reached"
    }
  }

  private static func text(of error: IOError) -> String {
    switch error.errnoCode {
    case ECONNREFUSED: "refused the connection"
    case ECONNRESET, EPIPE: early
    case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ETIMEDOUT: "could not be reached"
    case let code: "could not be asked: error \(code) of the system"
    }
  }

  private static let early = "closed the connection before it had answered"

  private static func text(of error: NIOSSLError) -> String {
    switch error {
    case .handshakeFailed(.sslError(let errors)):
      "\(errors)".contains("CERTIFICATE_VERIFY_FAILED")
        ? "failed certificate verification" : "failed the TLS handshake: \(line(errors))"
    case .handshakeFailed: "failed the TLS handshake"
    case .unableToValidateCertificate, .noCertificateToValidate: "failed certificate verification"
    default: "lost the connection: \(line(error))"
    }
  }

  /// What a library says, as one harmless line.
  private static func line(_ value: Any) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in "\(value)".unicodeScalars { scalars.append(scalar.steersText ? " " : scalar) }
    return String(scalars).fitToKeep(utf8Bytes: maximumBytes)
  }
}
