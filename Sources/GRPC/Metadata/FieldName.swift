/// The rules for names of metadata (gRPC over HTTP/2, "Header-Name"; RFC 9113 section 8.2).
public enum FieldName {
  /// Whether the values of this name are bytes, sent as base64.
  public static func isBinary(_ name: String) -> Bool {
    name.utf8.count > 4 && name.hasSuffix("-bin")
  }

  /// Whether a name in lower case is not the application's: pseudo-headers, hop-by-hop fields, what
  /// HTTP or gRPC set themselves. The two exceptions of the `grpc-` family are meant for the
  /// application by gRFC A6.
  public static func isReserved(_ name: String) -> Bool {
    if name.utf8.first == UInt8(ascii: ":") { return true }
    if name.hasPrefix("grpc-") {
      return name != "grpc-retry-pushback-ms" && name != "grpc-previous-rpc-attempts"
    }
    switch name {
    case "te", "content-type", "content-length", "user-agent", "host", "connection", "keep-alive",
      "proxy-connection", "transfer-encoding", "upgrade":
      return true
    default:
      return false
    }
  }

  /// The name in lower case.
  static func validated(_ name: String) throws(MetadataError) -> String {
    let lowercase = name.utf8.contains(where: isUpperCase) ? name.lowercased() : name
    if isReserved(lowercase) { throw .reservedName(name) }
    guard !lowercase.isEmpty, lowercase.utf8.allSatisfy(isNameByte) else {
      throw .invalidName(name)
    }
    return lowercase
  }

  /// The value without spaces and tabs at its ends.
  static func trimmed(_ value: String) -> String {
    let utf8 = value.utf8
    guard let first = utf8.first, let last = utf8.last, isSpace(first) || isSpace(last) else {
      return value
    }
    var slice = utf8[...]
    while let byte = slice.first, isSpace(byte) { slice.removeFirst() }
    while let byte = slice.last, isSpace(byte) { slice.removeLast() }
    return String(Substring(slice))
  }

  /// Bytes without the spaces and tabs around them.
  static func trimmed<Bytes: Collection<UInt8>>(_ value: Bytes) -> Bytes.SubSequence {
    let rest = value.drop(while: isSpace)
    var length = 0
    for (offset, byte) in rest.enumerated() where !isSpace(byte) { length = offset + 1 }
    return rest.prefix(length)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func isUpperCase(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
