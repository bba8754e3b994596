import GRPC
import Testing

@Suite struct ChannelTargetTests {
  @Test(
    "Hosts, literals and paths are read in the forms of the gRPC document",
    arguments: [
      ("localhost:80", ChannelTarget.Address.host("localhost", port: 80)),
      ("dns:a.example:443", .host("a.example", port: 443)),
      ("dns:///a.example:443", .host("a.example", port: 443)),
      ("dns://8.8.8.8/a.example:443", .host("a.example", port: 443)),
      ("dns:1234", .host("dns", port: 1234)),
      ("127.0.0.1:1", .host("127.0.0.1", port: 1)),
      ("ipv4:127.0.0.1:65535", .host("127.0.0.1", port: 65535)),
      ("[::1]:50051", .host("::1", port: 50051)),
      ("[fe80::1%eth0]:1", .host("fe80::1%eth0", port: 1)),
      ("ipv6:[::1]:50051", .host("::1", port: 50051)),
      ("unix:run/a.sock", .unixSocket(path: "run/a.sock")),
      ("unix:/run/a.sock", .unixSocket(path: "/run/a.sock")),
      ("unix:///run/a.sock", .unixSocket(path: "/run/a.sock")),
    ])
  func valid(text: String, address: ChannelTarget.Address) throws {
    #expect(try ChannelTarget(text).address == address)
  }

  @Test(
    "What is wrong with a target is said",
    arguments: [
      ("", "the port is missing; write host:port"), ("host", "the port is missing"),
      (":80", "the host is missing"), ("host:", "the port must be"), ("host:0", "the port must be"),
      ("host:65536", "the port must be"), ("host:-1", "the port must be"),
      ("host:80a", "the port must be"), ("host:+80", "the port must be"),
      ("::1:80", "write an IPv6 address as [address]:port"), ("[::1", "the ']' is missing"),
      ("[::1]", "the port is missing"), ("ho st:80", "the host is no name"),
      ("http://host:80", "write an IPv6 address"), ("unix:", "the path is missing"),
      ("unix://a/b", "write unix:path"), ("ipv6:::1", "write [address]:port"),
      ("ipv4:localhost:80", "write an IPv4 address"), ("ipv4:1.2.3:80", "write an IPv4 address"),
      ("ipv4:1.2.3.256:80", "write an IPv4 address"),
      ("[zz]:80", "write an IPv6 address in the brackets"),
      ("ipv6:[::1::]:80", "write an IPv6 address in the brackets"),
      ("[127.0.0.1]:80", "write an IPv6 address in the brackets"),
    ])
  func invalid(text: String, problem: String) throws {
    let error = #expect(throws: ChannelTargetError.self) { try ChannelTarget(text) }
    #expect(try #require(error).problem.contains(problem))
    #expect(try #require(error).description.contains("\"\(text)\""))
  }

  @Test("A path that does not fit into a socket address is refused")
  func longPath() {
    #expect(throws: ChannelTargetError.self) {
      try ChannelTarget("unix:/" + String(repeating: "a", count: 107))
    }
  }

  @Test("The authority is the target, of a path it is localhost")
  func authority() throws {
    #expect(try ChannelTarget("dns:///a.example:443").authority == "a.example:443")
    #expect(try ChannelTarget("[::1]:80").authority == "[::1]:80")
    #expect(try ChannelTarget("unix:/a").authority == "localhost")
    #expect(try ChannelTarget("unix:/a").description == "unix:/a")
  }
}
