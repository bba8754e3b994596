public import MachineModel

extension RichStatus {
  /// Bytes of details that are kept of what a processor says.
  public static let maximumBytes = 4096

  /// Bytes of UTF-8 that the message of one of our errors may have, if there is room for them: as
  /// many as are kept with a machine.
  public static let maximumMessageBytes = MachineModel.Failure.maximumReasonBytes

  /// Bytes of UTF-8 for which there is always room.
  private static let certainMessageBytes = 1024

  /// What a status may take of the 8 KiB of header fields that peers commonly accept, whatever they
  /// announce: grpc-java announces them, gRPC's core announces 16 and refuses some calls above 8.
  /// Beside it stand `:status`, `grpc-status`, the push-back and the fields' own 32 bytes each.
  private static let room = (8 << 10) - 512

  /// What a caller is told of an error: an ErrorInfo with the reason and the names of namespace and
  /// machine, then what the processor had to say. The message stands in `grpc-message` too, where
  /// clients expect the same one: the details have room beside its first KiB, and more of it is
  /// kept as far as 8 KiB of header fields reach.
  public init(_ error: ProgressorError, namespace: String? = nil, machineID: String? = nil) {
    var metadata = error.metadata
    metadata["namespace"] = namespace
    metadata["machine_id"] = machineID
    let info = ErrorInfo(
      reason: error.reason.rawValue, domain: ErrorInfo.progressorDomain, metadata: metadata)
    self.init(
      code: error.code.rawValue,
      message: error.message.prefix(utf8Bytes: Self.certainMessageBytes),
      details: [AnyMessage(typeURL: ErrorInfo.typeURL, value: info.encoded())])
    let own = encode { $0.size }
    let cost = message.utf8.reduce(0) { $0 + Self.cost(of: $1) }
    let left = (3 * Self.room - cost) / 4 - own + message.utf8.count
    details += Self.details(error.details, within: min(left, Self.maximumBytes - own))
    lengthenMessage(error.message)
  }

  /// Takes as much of the whole message as there is room for beside the details.
  private mutating func lengthenMessage(_ whole: String) {
    let certain = message.utf8.count
    guard certain < whole.utf8.count else { return }
    // Its length may take a byte more than that of the certain part does.
    let rest = encode { $0.size } - certain + 1
    var left = 3 * Self.room - 4 * rest
    let count = whole.utf8.prefix(Self.maximumMessageBytes).prefix { byte in
      left -= Self.cost(of: byte)
      return left >= 0
    }.count
    message = whole.prefix(utf8Bytes: max(count, certain))
  }

  /// Thirds of a byte that one of a message's takes as header fields: in base64, and as it is or
  /// percent-encoded.
  private static func cost(of byte: UInt8) -> Int {
    let isPlain = 0x20...0x7E ~= byte && byte != UInt8(ascii: "%")
    return 4 + (isPlain ? 3 : 9)
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

  /// How long the first RetryInfo among the details asks to wait, in microseconds; nil = none does,
  /// or it cannot be decoded.
  public var retryDelay: Int64? {
    details.first { $0.typeURL.hasSuffix("/google.rpc.RetryInfo") }
      .flatMap { try? RetryInfo(decoding: $0.value) }?.delay
  }

  /// The details in the form in which `ProgressorError` hands them through.
  public var encodedDetails: [[UInt8]] { details.map { $0.encoded() } }
}
