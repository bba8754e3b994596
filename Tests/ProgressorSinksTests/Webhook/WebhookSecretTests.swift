import ProgressorProto
import Testing

@testable import ProgressorSinks

@Suite("The secret of a webhook")
struct WebhookSecretTests {
  /// The vector that the libraries of Standard Webhooks are tested with.
  private let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  @Test("a request is signed as Standard Webhooks says")
  func signature() throws {
    let signature = try WebhookSecret(text).signature(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330,
      body: Array(#"{"test": 2432232314}"#.utf8))
    #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test("what is no secret is refused, with words that do not show it")
  func refused() {
    let wrong: [(String, WebhookSecretError)] = [
      ("", .prefix), ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .prefix),
      ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .prefix),
      ("whsec_", .length(0)), ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", .base64),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", .base64),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", .base64),
      ("whsec_" + String(repeating: "QUFB", count: 7) + "QR==", .base64),
      ("whsec_QUFBQUFB", .length(6)),
      ("whsec_" + String(repeating: "QUFB", count: 22), .length(66)),
    ]
    for (text, error) in wrong {
      #expect(throws: error) { try WebhookSecret(text) }
      #expect(!"\(error)".contains("QUFB") && !"\(error)".contains("MfKQ"))
    }
  }

  @Test("keys of 24 to 64 bytes are taken", arguments: [24, 32, 64])
  func lengths(count: Int) throws {
    _ = try WebhookSecret("whsec_" + PaddedBase64.encoded(Array(repeating: 7, count: count)))
  }

  @Test("it is shown nowhere")
  func hidden() throws {
    let secret = try WebhookSecret(text)
    var dumped = ""
    dump(WebhookSetting(url: "https://example.org", secret: secret), to: &dumped)
    for shown in ["\(secret)", String(reflecting: secret), dumped, "\([secret])"] {
      #expect(!shown.contains("MfKQ") && !shown.contains("49, 242"), "\(shown)")
    }
  }
}
