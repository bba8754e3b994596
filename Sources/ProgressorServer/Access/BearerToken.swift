import GRPC

/// What a caller shows in `authorization`.
enum BearerToken: Hashable {
  /// Nothing: the caller has no credentials.
  case none
  /// The bytes of a token.
  case token([UInt8])
  /// Something that is no bearer token, or several: bad credentials.
  case malformed

  /// Reads `Bearer TOKEN` (RFC 6750); the scheme in any case, as all of HTTP's.
  init(_ metadata: Metadata) {
    let values = metadata.values("authorization")
    guard let value = values.first else {
      self = .none
      return
    }
    guard values.count == 1, case .text(let text) = value,
      let space = text.utf8.firstIndex(of: UInt8(ascii: " ")),
      text[..<space].lowercased() == "bearer"
    else {
      self = .malformed
      return
    }
    let token = Array(text.utf8[space...].drop { $0 == UInt8(ascii: " ") })
    let isToken = !token.isEmpty && token.allSatisfy { (0x21...0x7E).contains($0) }
    self = isToken ? .token(token) : .malformed
  }
}
