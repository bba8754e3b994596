import HTTP2

/// What a gRPC client reads from one list of response header or trailer fields.
struct ResponseFields: Sendable {
  /// What `content-type` says about who speaks (gRPC `doc/PROTOCOL-HTTP2.md`, "Content-Type").
  enum ContentType: Sendable, Hashable {
    /// No such field.
    case absent
    /// `application/grpc`, alone or with a subtype of protobuf.
    case grpc
    /// gRPC with messages in another format.
    case otherSubtype
    /// Not gRPC.
    case foreign

    init(_ value: ArraySlice<UInt8>) {
      let text = String(decoding: value, as: UTF8.self).lowercased()
      let type = FieldName.trimmed(String(text.prefix { $0 != ";" }))
      switch type {
      case "application/grpc", "application/grpc+proto": self = .grpc
      default: self = type.hasPrefix("application/grpc+") ? .otherSubtype : .foreign
      }
    }
  }

  /// `:status`, or 0.
  private(set) var httpStatus = 0
  private(set) var contentType = ContentType.absent
  /// `grpc-encoding`; nil is an encoding that is not known here.
  private(set) var encoding: MessageEncoding? = .identity
  /// `grpc-status`, if there is a readable one.
  private(set) var code: StatusCode?
  private(set) var message = ""
  private(set) var details: [UInt8]?
  private(set) var metadata = Metadata()

  /// What a client takes of a peer's header lists. The status is found wherever it stands and
  /// however long the other fields are: of its text the beginning is kept, details are kept or left
  /// out.
  ///
  /// Peers are told that they may send a long list, for many would send no status at all otherwise.
  static func limits(keeping size: Int) -> HeaderLimits {
    var limits = HeaderLimits()
    limits.keptListSize = size
    limits.announcedListSize = limits.listSize
    limits.essential = [
      EssentialHeader(":status", maxValueSize: 3, mayBeCut: true),
      EssentialHeader("content-type", maxValueSize: 256, mayBeCut: true),
      EssentialHeader("grpc-encoding", maxValueSize: 64, mayBeCut: true),
      EssentialHeader("grpc-status", maxValueSize: 16, mayBeCut: true),
      // Each byte of the text may take three, and the last may be damaged.
      EssentialHeader("grpc-message", maxValueSize: 3 * maximumTextSize + 16, mayBeCut: true),
      EssentialHeader("grpc-status-details-bin", maxValueSize: 16 << 10, mayBeCut: false),
    ]
    return limits
  }

  /// How much of a status's text is kept at least, if the peer sent as much. Bytes of UTF-8.
  static let maximumTextSize = 4 << 10

  init(_ fields: HeaderList) {
    for field in fields {
      if field.name.first == UInt8(ascii: ":") {
        if field.isNamed(":status") { httpStatus = Int(field.valueString) ?? 0 }
      } else if field.name.starts(with: "grpc-".utf8) {
        readProtocolField(field)
      } else if field.isNamed("content-type") {
        contentType = ContentType(field.value)
      } else {
        // A value that is no base64 is dropped: it must not hide the answer.
        metadata.receive(name: field.nameString, value: field.value)
      }
    }
  }

  /// The status that the peer sent, if it sent one.
  var status: RPCStatus? {
    code.map { RPCStatus(code: $0, message: message, details: details, trailers: metadata) }
  }

  private mutating func readProtocolField(_ field: HeaderList.Field) {
    if field.isNamed("grpc-status") {
      code = StatusCode(headerValue: field.value)
    } else if field.isNamed("grpc-message") {
      message = PercentEncoding.decode(field.value)
    } else if field.isNamed("grpc-status-details-bin") {
      details = Base64.decode(field.value)
    } else if field.isNamed("grpc-encoding") {
      encoding = MessageEncoding(headerValue: field.value)
    } else {
      metadata.receive(name: field.nameString, value: field.value)
    }
  }
}
