import Testing

@testable import ProgressorSinks

@Suite("The address of a webhook")
struct WebhookURLTests {
  @Test(
    "http and https to a host are taken; shown is only where they lead",
    arguments: [
      ("https://hooks.example.org/a/b?key=s3cret", "hooks.example.org"),
      ("http://127.0.0.1:8080", "127.0.0.1:8080"), ("HTTPS://Example.org", "Example.org"),
      ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443"), ("http://my_host?x", "my_host"),
      ("https://a/%C3%A9;p=1/@:!$&'()*+,=~", "a"),
    ])
  func taken(text: String, authority: String) throws {
    let url = try WebhookURL(text)
    #expect(url.text == text && url.authority == authority)
  }

  @Test(
    "everything else is refused, with words that say why",
    arguments: [
      ("", WebhookURLError.scheme), ("ftp://example.org", .scheme), ("example.org", .scheme),
      ("https:/example.org", .scheme), ("unix:///run/x", .scheme),
      ("https://", .host), ("https:///path", .host), ("https://?q", .host), ("http://a%20b", .host),
      ("http://[::1", .host), ("http://[]", .host), ("http://[fe80::1%25eth0]", .host),
      ("http://a,b", .host), ("http://user@example.org", .userInfo),
      ("http://user:pass@example.org", .userInfo), ("http://example.org\\@evil.org/", .userInfo),
      ("http://example.org/#x", .fragment), ("http://example.org:", .port),
      ("http://example.org:0", .port), ("http://example.org:65536", .port),
      ("http://example.org:+80", .port), ("http://[::1]80", .port),
      ("http://example.org/a b", .characters), ("http://example.org/é", .characters),
      ("http://example.org/\r\nx: y", .characters), ("http://example.org/{x}", .characters),
      ("http://example.org/%4", .characters), ("http://example.org/%zz", .characters),
      ("http://example.org/" + String(repeating: "a", count: 2048), .length),
    ])
  func refused(text: String, error: WebhookURLError) {
    #expect(throws: error) { try WebhookURL(text) }
  }

  @Test("of the longest one nothing is cut off")
  func longest() throws {
    let text = "http://example.org/" + String(repeating: "a", count: 2048 - 19)
    #expect(try WebhookURL(text).text == text)
  }
}
