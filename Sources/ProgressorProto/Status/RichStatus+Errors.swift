public import MachineModel

extension RichStatus {
  /// Bytes that the status of one of our errors may have. It travels in a header, in base64, beside
  /// its own message once more, and peers accept 8 KiB of headers in all.
  public static let maximumBytes = 4096

  /// Bytes of UTF-8 that the message of one of our errors may have.
  public static let maximumMessageBytes = 1024

  /// What a caller is told of an error: an ErrorInfo with the reason and the names of namespace and
  /// machine, then what the processor had to say, as far as `maximumBytes` reach.
  public init(_ error: ProgressorError, namespace: String? = nil, machineID: String? = nil) {
    var metadata: [ExactText: String] = [:]
    metadata["namespace"] = namespace
    metadata["machine_id"] = machineID
    let info = ErrorInfo(
      reason: error.reason.rawValue, domain: ErrorInfo.progressorDomain, metadata: metadata)
    self.init(
      code: error.code.rawValue,
      message: error.message.prefix(utf8Bytes: Self.maximumMessageBytes),
      details: [AnyMessage(typeURL: ErrorInfo.typeURL, value: info.encoded())])
    let own = encode { $0.size }
    details += Self.details(error.details, within: Self.maximumBytes - own)
  }

  /// How many details of others are kept.
  static let maximumDetails = 64

  /// Leaves out the details that do not fit, with those before them, into `limit` bytes, and those
  /// above a number.
  public mutating func keepDetails(within limit: Int) {
    details = Self.details(encodedDetails, within: limit)
  }

  private static func details(_ encoded: [[UInt8]], within limit: Int) -> [AnyMessage] {
    var left = limit
    var details: [AnyMessage] = []
    for bytes in encoded {
      guard details.count < maximumDetails else { break }
      // As a field of the status it has its tag and its length before it.
      let size = 1 + varintSize(bytes.count) + bytes.count
      guard size <= left, let detail = try? AnyMessage(decoding: bytes) else { continue }
      details.append(detail)
      left -= size
    }
    return details
  }

  /// The bytes of a number in protobuf's form: seven bits each.
  private static func varintSize(_ number: Int) -> Int {
    max(1, (Int.bitWidth - number.leadingZeroBitCount + 6) / 7)
  }

  /// The details that are ErrorInfos, in their order. What cannot be decoded is left out.
  public var errorInfos: [ErrorInfo] {
    details.compactMap { detail in
      guard detail.typeURL.hasSuffix("/google.rpc.ErrorInfo") else { return nil }
      return try? ErrorInfo(decoding: detail.value)
    }
  }

  /// The details in the form in which `ProgressorError` hands them through.
  public var encodedDetails: [[UInt8]] { details.map { $0.encoded() } }
}
