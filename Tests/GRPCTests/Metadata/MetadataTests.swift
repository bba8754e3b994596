import GRPC
import Testing

@Suite struct MetadataTests {
  private func fields(_ metadata: Metadata) -> [String] {
    var fields: [String] = []
    metadata.forEachField { fields.append("\($0)=\($1)") }
    return fields
  }

  @Test("Entries keep their order and a name may have several values")
  func order() throws {
    var metadata = Metadata()
    try metadata.append("b", text: "1")
    try metadata.append("a-bin", binary: [0xAB, 0xAB, 0xAB])
    try metadata.append("b", text: "2")
    #expect(fields(metadata) == ["b=1", "a-bin=q6ur", "b=2"])
    #expect(metadata.values("b") == [.text("1"), .text("2")])
    #expect(metadata.text("b") == "1")
    #expect(metadata.binary("a-bin") == [0xAB, 0xAB, 0xAB])
    #expect(metadata.text("c") == nil)
  }

  @Test("Names are lowered and values lose the spaces around them")
  func normalisation() throws {
    var metadata = Metadata()
    try metadata.append("X-Key", text: "  a b  ")
    #expect(fields(metadata) == ["x-key=a b"])
  }

  @Test(
    "Names of HTTP and gRPC are refused",
    arguments: [
      ":path", "grpc-status", "grpc-anything", "te", "content-type", "Host", "connection",
      "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "user-agent",
    ])
  func reserved(name: String) {
    var metadata = Metadata()
    #expect(throws: MetadataError.reservedName(name)) { try metadata.append(name, text: "v") }
    #expect(metadata.isEmpty)
  }

  @Test("Malformed names are refused", arguments: ["", "a b", "ä", "a\n", "a:b", "a/b"])
  func invalidNames(name: String) {
    var metadata = Metadata()
    #expect(throws: MetadataError.invalidName(name)) { try metadata.append(name, text: "v") }
  }

  @Test("Text must be printable ASCII", arguments: ["a\nb", "ü", "\u{7F}", "a\u{0}"])
  func invalidText(value: String) {
    var metadata = Metadata()
    #expect(throws: MetadataError.invalidValue("k")) { try metadata.append("k", text: value) }
  }

  @Test("The ending -bin decides whether a value is bytes or text")
  func binarySuffix() {
    var metadata = Metadata()
    #expect(throws: MetadataError.binaryName("k-bin")) { try metadata.append("k-bin", text: "v") }
    #expect(throws: MetadataError.textName("k")) { try metadata.append("k", binary: [1]) }
  }

  @Test("Received reserved fields stay out, the retry fields of gRFC A6 come in")
  func receivedReserved() {
    var metadata = Metadata()
    for name in [":status", "content-type", "grpc-status", "grpc-trace-bin", "te", "connection"] {
      metadata.receive(name: name, value: Array("v".utf8))
    }
    #expect(metadata.isEmpty)
    metadata.receive(name: "grpc-retry-pushback-ms", value: Array("10".utf8))
    metadata.receive(name: "grpc-previous-rpc-attempts", value: Array("2".utf8))
    #expect(metadata.text("grpc-retry-pushback-ms") == "10")
    #expect(metadata.text("grpc-previous-rpc-attempts") == "2")
  }

  @Test("A received -bin value is split at commas first, each part padded or not")
  func receivedBinary() {
    var metadata = Metadata()
    let isTaken = metadata.receive(name: "k-bin", value: Array("q6s=,q6s,, \t,  qw ".utf8))
    #expect(isTaken)
    #expect(
      metadata.values("k-bin")
        == [
          .binary([0xAB, 0xAB]), .binary([0xAB, 0xAB]), .binary([]), .binary([]), .binary([0xAB]),
        ])
  }

  @Test("A received -bin value that is no base64 adds nothing", arguments: ["q6s=,!", "a", "a==="])
  func receivedBrokenBinary(value: String) {
    var metadata = Metadata()
    let isTaken = metadata.receive(name: "k-bin", value: Array(value.utf8))
    #expect(!isTaken)
    #expect(metadata.isEmpty)
  }

  @Test("Received text outside printable ASCII does not fail")
  func receivedText() {
    var metadata = Metadata()
    let isTaken = [
      metadata.receive(name: "k", value: Array("ü\t".utf8)),
      metadata.receive(name: "l", value: [0xFF]),
    ]
    #expect(isTaken == [true, true])
    #expect(metadata.values("k") == [.text("ü\t")])
    #expect(metadata.values("l") == [.text("\u{FFFD}")])
  }

  @Test("The size counts name, value as sent and 32 for each field")
  func size() throws {
    var metadata = Metadata()
    #expect(metadata.headerListSize == 0)
    try metadata.append("abc", text: "12345")
    #expect(metadata.headerListSize == 3 + 5 + 32)
    try metadata.append("k-bin", binary: [1, 2])
    #expect(metadata.headerListSize == 40 + 5 + 3 + 32)
  }
}
