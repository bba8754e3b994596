import HTTP2

/// The header fields of answers. What is the same each time is made once.
enum AnswerFields {
  private static func head(contentType: String, encoding: MessageEncoding) -> StaticHeaders {
    var fields: HeaderList = [":status": "200", "content-type": contentType]
    if encoding != .identity { fields.append("grpc-encoding", encoding.rawValue) }
    fields.append("grpc-accept-encoding", MessageEncoding.acceptHeader)
    return StaticHeaders(fields)
  }

  private static let plain = head(contentType: "application/grpc", encoding: .identity)
  private static let plainProto = head(contentType: "application/grpc+proto", encoding: .identity)
  private static let gzip = head(contentType: "application/grpc", encoding: .gzip)
  private static let gzipProto = head(contentType: "application/grpc+proto", encoding: .gzip)

  /// Response-Headers, which come before messages, or before the status in a Trailers-Only answer.
  static func head(namesProto: Bool, encoding: MessageEncoding) -> StaticHeaders {
    switch (namesProto, encoding) {
    case (false, .identity): plain
    case (true, .identity): plainProto
    case (false, .gzip): gzip
    case (true, .gzip): gzipProto
    }
  }

  /// The trailers of a call that went well and has nothing else to say.
  static let ok = StaticHeaders(["grpc-status": "0"])

  /// The largest list that is sent. No client takes more than a few times its 8 KiB by default, and
  /// nghttp2 itself encodes 64 KiB at most.
  private static let maxSize = 32 << 10

  /// What `:status` and the other fields of a response's head take at most.
  private static let headSize = 256

  /// The fields of a status; `grpc-message` percent-encoded, details and metadata as base64. Of a
  /// status that is too large the code is told, and for a client that takes little the metadata
  /// (a push-back) and as much of the message as it takes: a client that is sent more ends the
  /// call with an error of its own, or the connection.
  ///
  /// - Parameter limit: the largest list of fields that the client takes.
  static func status(_ status: RPCStatus, limit: Int = .max) -> HeaderList {
    let fields = encode(status)
    guard fields.size > min(maxSize, limit - headSize) else { return fields }
    if fields.size > maxSize {
      let text = "the description of the error is too large to be sent"
      let short = encode(RPCStatus(code: status.code, message: text))
      return short.size > limit - headSize ? encode(RPCStatus(code: status.code)) : short
    }
    var short = RPCStatus(code: status.code, trailers: status.trailers)
    let outerSpaces = 2 * "20".utf8.count
    let fieldSize = "grpc-message".utf8.count + 32 + outerSpaces
    var left = limit - headSize - encode(short).size - fieldSize
    guard left >= 0 else { return encode(RPCStatus(code: status.code)) }
    let message = status.message.unicodeScalars.prefix { scalar in
      left -= scalar == " " ? 1 : PercentEncoding.encode(String(scalar)).utf8.count
      return left >= 0
    }
    short.message = String(String.UnicodeScalarView(message))
    return encode(short)
  }

  /// About the bytes that a status takes as header fields.
  static func size(of status: RPCStatus) -> Int {
    var size = status.message.utf8.count + (status.details?.count ?? 0)
    status.trailers.forEachField { size += $0.utf8.count + $1.utf8.count }
    return size
  }

  private static func encode(_ status: RPCStatus) -> HeaderList {
    var fields = HeaderList()
    fields.append("grpc-status", status.code.headerValue)
    if !status.message.isEmpty {
      fields.append("grpc-message", PercentEncoding.encode(status.message))
    }
    if let details = status.details {
      fields.append("grpc-status-details-bin", Base64.encode(details))
    }
    status.trailers.forEachField { fields.append($0, $1) }
    return fields
  }

  /// Metadata alone; none of it when it is too large to be sent.
  static func metadata(_ metadata: Metadata) -> HeaderList {
    var fields = HeaderList()
    metadata.forEachField { fields.append($0, $1) }
    return fields.size > maxSize ? [:] : fields
  }

  /// A plain HTTP answer, for what is no gRPC.
  static func http(_ status: Int) -> HeaderList {
    var fields: HeaderList = [":status": String(status)]
    if status == 405 { fields.append("allow", "POST") }
    return fields
  }
}

extension RPCStatus {
  /// Adds `grpc-retry-pushback-ms: -1`, which asks clients not to try again (gRFC A6): the same
  /// request would be refused each time.
  var withoutRetry: RPCStatus {
    var status = self
    // Both are valid by gRFC A6, so that appending cannot fail.
    try? status.trailers.append("grpc-retry-pushback-ms", text: "-1")
    return status
  }
}
