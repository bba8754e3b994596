import GRPC
import ProgressorServer
import Testing

@Suite("Addresses to serve on")
struct AddressTests {
  @Test(
    "each form is read, and written as it was",
    arguments: [
      ("127.0.0.1:7070", ServerAddress.tcp(host: "127.0.0.1", port: 7070)),
      ("localhost:0", .tcp(host: "localhost", port: 0)),
      ("[::1]:7070", .tcp(host: "::1", port: 7070)),
      ("unix:/run/progressor.sock", .unix(path: "/run/progressor.sock")),
    ])
  func forms(text: String, address: ServerAddress) throws {
    #expect(try ServerAddress(parsing: text) == address)
    #expect(address.description == text)
  }

  @Test(
    "what is no address is refused with what would be right",
    arguments: [
      ("7070", "HOST:PORT"), (":7070", "no host"), ("::1:7070", "brackets"),
      ("localhost:http", "0 to 65535"), ("localhost:65536", "0 to 65535"), ("unix:", "no path"),
      ("unix:/" + String(repeating: "x", count: 107), "107 bytes"),
    ])
  func refused(text: String, advice: String) throws {
    let error = #expect(throws: InvalidAddress.self) { try ServerAddress(parsing: text) }
    #expect(try #require(error).description.contains(advice))
  }
}
