import GRPC
import Testing

@testable import ProgressorServer

@Suite("ExposedListeners")
struct ExposedListenersTests {
  private static func problem(_ flags: [String: [String]]) throws -> String? {
    ExposedListeners.problem(try NodeConfiguration(flags: flags))
  }

  @Test("Loopback addresses, names of nothing else, and Unix sockets are this machine's")
  func local() throws {
    for text in [
      "127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1", "unix:/s",
    ] { #expect(ExposedListeners.isLocal(try ServerAddress(parsing: text)), "\(text)") }
    for text in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1", "0:1"] {
      #expect(!ExposedListeners.isLocal(try ServerAddress(parsing: text)), "\(text)")
    }
  }

  @Test("Others are refused unless somebody says who may do what, or that it is meant")
  func refused() throws {
    let open = ["listen": ["127.0.0.1:1", "0.0.0.0:1"]]
    #expect(try Self.problem(open)?.contains("--insecure") == true)
    #expect(try Self.problem(["listen": ["127.0.0.1:1"]]) == nil)
    for (key, value) in [
      ("insecure", "true"), ("authentication.tokens", "/t"), ("authorization.file", "/r"),
    ] { #expect(try Self.problem(open.merging([key: [value]]) { $1 }) == nil, "\(key)") }
    let tls = open.merging(["tls.certificate": ["/c"], "tls.key": ["/k"]]) { $1 }
    #expect(try Self.problem(tls) != nil)
    #expect(try Self.problem(tls.merging(["tls.client_ca": ["/ca"]]) { $1 }) == nil)
  }

  @Test("Metrics are, whatever the rules")
  func metrics() throws {
    let flags = ["metrics_listen": ["0.0.0.0:1"], "authorization.file": ["/r"]]
    #expect(try Self.problem(flags)?.contains("metrics_listen") == true)
    #expect(try Self.problem(flags.merging(["insecure": ["true"]]) { $1 }) == nil)
  }
}
