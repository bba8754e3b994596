/// Metadata as HTTP/2 header fields.
extension Metadata {
  /// Takes a header field that a peer sent. Reserved names are left out. A `-bin` value may be
  /// padded or not and may hold several values separated by commas, which are split first. Text
  /// outside 0x20–0x7E that HTTP lets through does not fail a call: it is kept as UTF-8.
  ///
  /// - Returns: false if a `-bin` value is no base64; nothing is added then.
  @discardableResult
  public mutating func receive(name: String, value: some Collection<UInt8>) -> Bool {
    if FieldName.isReserved(name) { return true }
    guard FieldName.isBinary(name) else {
      append(Entry(name: name, value: .text(String(decoding: value, as: UTF8.self))))
      return true
    }
    let comma = UInt8(ascii: ",")
    guard value.contains(comma) else {
      guard let bytes = Base64.decode(value) else { return false }
      append(Entry(name: name, value: .binary(bytes)))
      return true
    }
    var values: [[UInt8]] = []
    for part in value.split(separator: comma, omittingEmptySubsequences: false) {
      // Whoever joins fields puts a space behind the comma (RFC 9110 section 5.3).
      guard let bytes = Base64.decode(FieldName.trimmed(part)) else { return false }
      values.append(bytes)
    }
    for bytes in values { append(Entry(name: name, value: .binary(bytes))) }
    return true
  }

  /// Calls `body` with the name and value of each header field to send, in order.
  public func forEachField(_ body: (_ name: String, _ value: String) -> Void) {
    for entry in entries {
      switch entry.value {
      case .text(let text): body(entry.name, text)
      case .binary(let bytes): body(entry.name, Base64.encode(bytes))
      }
    }
  }

  /// The size that counts against a limit on headers: name, value as sent, and 32 per field
  /// (RFC 9113 section 6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE). Bytes.
  public var headerListSize: Int {
    var size = 0
    for entry in entries {
      switch entry.value {
      case .text(let text): size += entry.name.utf8.count + text.utf8.count + 32
      case .binary(let bytes):
        size += entry.name.utf8.count + Base64.encodedCount(bytes.count) + 32
      }
    }
    return size
  }
}
