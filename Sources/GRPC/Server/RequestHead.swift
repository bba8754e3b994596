import HTTP2
import NIOCore

/// A request's header fields, read and judged (gRPC over HTTP/2, "Requests").
struct RequestHead {
  var path = ""
  var metadata = Metadata()
  var timeout: TimeAmount?
  /// How the request's messages are encoded.
  var encoding = MessageEncoding.identity
  /// Whether the client reads gzip.
  var acceptsGzip = false
  /// Whether the content type was `application/grpc+proto`: it is answered in kind.
  var namesProto = false
  /// Why the request is answered without asking a handler; nil = it is a proper gRPC request.
  var refusal: Refusal?

  /// An answer that is given by the header fields alone.
  enum Refusal: Equatable {
    /// What is no gRPC gets a plain HTTP status.
    case http(Int)
    case status(RPCStatus)
  }

  init(_ headers: HeaderList) {
    var isPost = false
    var hasContentType = false
    var invalid: RPCStatus?
    for field in headers {
      switch field.nameLength {
      case 5 where field.isNamed(":path"):
        path = field.valueString
      case 7 where field.isNamed(":method"):
        isPost = field.hasValue("POST")
      case 7 where field.isNamed(":scheme"), 10 where field.isNamed(":authority"),
        10 where field.isNamed("user-agent"), 2 where field.isNamed("te"):
        break
      case 12 where field.isNamed("content-type"):
        hasContentType = field.hasValue("application/grpc") || readContentType(field.value)
      case 12 where field.isNamed("grpc-timeout"):
        timeout = Timeout.parse(field.value)
        if timeout == nil { invalid = .malformed("grpc-timeout") }
      case 13 where field.isNamed("grpc-encoding"):
        if let known = MessageEncoding(headerValue: field.value) {
          encoding = known
        } else {
          invalid = .unknownEncoding(field.valueString)
        }
      case 20 where field.isNamed("grpc-accept-encoding"):
        acceptsGzip =
          MessageEncoding.negotiate(preferred: .gzip, accepted: field.value) == .gzip
      default:
        if !metadata.receive(name: field.nameString, value: field.value) {
          invalid = .malformed(field.nameString)
        }
      }
    }
    if headers.isTruncated {
      refusal = .status(.headersTooLarge)
    } else if !isPost {
      refusal = .http(405)
    } else if !hasContentType {
      refusal = .http(415)
    } else if let invalid {
      refusal = .status(invalid)
    }
  }

  /// Whether a content type is gRPC with messages that we can read: `application/grpc`, with or
  /// without `+proto`, and parameters.
  private mutating func readContentType(_ value: ArraySlice<UInt8>) -> Bool {
    let type = value.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
    if type.elementsEqual("application/grpc".utf8) { return true }
    namesProto = type.elementsEqual("application/grpc+proto".utf8)
    return namesProto
  }
}

extension RPCStatus {
  static let headersTooLarge = RPCStatus(
    code: .resourceExhausted, message: "the request's header fields are too large"
  ).withoutRetry

  static func malformed(_ field: String) -> RPCStatus {
    RPCStatus(
      code: .internalError, message: "the header field \(field.prefix(maxEcho)) is malformed")
  }

  static func unknownEncoding(_ name: String) -> RPCStatus {
    RPCStatus(
      code: .unimplemented,
      message: "grpc-encoding \(name.prefix(maxEcho)) is not known here: use one of "
        + MessageEncoding.acceptHeader)
  }
}
