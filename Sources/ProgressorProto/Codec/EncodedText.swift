/// Finds a text in an encoded message of which nothing else need be right.
public enum EncodedText {
  /// The text of a field, which has to be UTF-8; of several the last one, as protobuf merges them.
  /// Nil = there is none.
  ///
  /// - Parameter path: The field's number, after those of the messages around it.
  public static func text(at path: [UInt32], of message: UnsafeRawBufferPointer) -> String? {
    text(at: path[...], of: message)
  }

  private static func text(
    at path: ArraySlice<UInt32>, of message: UnsafeRawBufferPointer
  ) -> String? {
    guard let number = path.first else { return nil }
    var found: String?
    var fields = WireFields(message)
    while let field = fields.next() {
      guard field.number == number, case .payload(let range) = field.kind else { continue }
      let bytes = UnsafeRawBufferPointer(rebasing: message[range])
      if path.count == 1 {
        found = String(validating: bytes, as: UTF8.self)
      } else if let inner = text(at: path.dropFirst(), of: bytes) {
        found = inner
      }
    }
    return found
  }
}
