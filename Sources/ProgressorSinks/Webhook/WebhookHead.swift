import Crypto
import MachineModel

/// The header fields of a request (Standard Webhooks 1.0, "Webhook Headers").
struct WebhookHead {
  /// Names and values, in their order.
  let fields: [(String, String)]

  init(
    first: FeedEntry, body: [UInt8], time: Timestamp, secret: WebhookSecret?, userAgent: String
  ) {
    let id = WebhookHead.id(first: first, body: body)
    let seconds = time.microseconds / 1_000_000
    var fields = [
      ("content-type", CloudEventBatch.contentType), ("user-agent", userAgent),
      ("webhook-id", id), ("webhook-timestamp", String(seconds)),
    ]
    if let secret {
      fields.append(
        ("webhook-signature", secret.signature(id: id, timestamp: seconds, body: body)))
    }
    self.fields = fields
  }

  /// By this a receiver knows that a request comes again: the same for the same entries, and
  /// another one for others, also when they begin with the same.
  private static func id(first: FeedEntry, body: [UInt8]) -> String {
    let digest = SHA256.hash(data: body).prefix(8).map { byte in
      (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
    }
    return "msg_\(CloudEvent(first).id)_\(digest.joined())"
  }
}
