import Crypto
import ProgressorProto

/// The key by which a webhook's requests are signed, and by which their receiver knows them
/// (Standard Webhooks 1.0, "Symmetric Signatures").
public struct WebhookSecret: Sendable, Hashable, CustomStringConvertible {
  private let key: [UInt8]

  /// What its text begins with.
  public static let prefix = "whsec_"
  /// How many bytes the key may have.
  public static let keyBytes = 24...64

  /// Reads `whsec_` and the base64 of 24 to 64 bytes. The error says what is wrong, and nothing of
  /// the text.
  public init(_ text: String) throws(WebhookSecretError) {
    guard text.utf8.starts(with: WebhookSecret.prefix.utf8) else { throw .prefix }
    let encoded = text.utf8.dropFirst(WebhookSecret.prefix.utf8.count)
    guard let key = PaddedBase64.decoded(String(decoding: encoded, as: UTF8.self)) else {
      throw .base64
    }
    guard WebhookSecret.keyBytes.contains(key.count) else { throw .length(key.count) }
    self.key = key
  }

  /// Nothing of the secret.
  public var description: String { "whsec_…" }

  /// What `webhook-signature` says of a request: `v1,` and the base64 of the HMAC-SHA256 of its id,
  /// time and body, with dots between.
  func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
    var code = HMAC<SHA256>(key: SymmetricKey(data: key))
    code.update(data: Array("\(id).\(timestamp).".utf8))
    code.update(data: body)
    return "v1," + PaddedBase64.encoded(Array(code.finalize()))
  }
}

extension WebhookSecret: CustomReflectable, CustomDebugStringConvertible {
  /// Nothing of the secret, for dumps.
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Nothing of the secret.
  public var debugDescription: String { description }
}

/// What is wrong with the text of a secret.
public enum WebhookSecretError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It does not begin with `whsec_`.
  case prefix
  /// What follows is not base64.
  case base64
  /// The key has so many bytes.
  case length(Int)

  public var description: String {
    switch self {
    case .prefix: "does not begin with whsec_"
    case .base64: "has something else than padded base64 behind whsec_"
    case .length(let count):
      "has a key of \(count) bytes; 24 to 64 are allowed (head -c 32 /dev/urandom | base64)"
    }
  }
}
