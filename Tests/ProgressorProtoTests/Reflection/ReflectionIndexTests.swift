import Testing

@testable import ProgressorProto

@Suite struct ReflectionIndexTests {
  private let index = ReflectionIndex(
    services: ["progressor.v1.Automaton", "grpc.health.v1.Health"])

  private func files(_ answer: ReflectionResponse.Answer) -> [String] {
    guard case .files(let files) = answer else { return [] }
    return DescriptorSet(files.flatMap { Wire.bytes(1, $0) }).files.map(\.name)
  }

  @Test("The services that the server has are listed in order")
  func services() throws {
    #expect(
      index.answer(.services("*"))
        == .services(["grpc.health.v1.Health", "progressor.v1.Automaton"]))
  }

  @Test("The contract has every service that it promises")
  func knownServices() {
    #expect(
      ReflectionIndex.knownServices == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection", "progressor.v1.Automaton",
        "progressor.v1.Cluster",
        "progressor.v1.EventSink", "progressor.v1.Namespaces", "progressor.v1.Processor",
        "progressor.v1.RepairJobs",
      ])
  }

  @Test("A file comes with everything that it imports, itself first and nothing twice")
  func dependencies() {
    let names = files(index.answer(.file(name: "progressor/v1/automaton.proto")))
    #expect(names.first == "progressor/v1/automaton.proto")
    #expect(
      names.sorted() == [
        "google/protobuf/duration.proto", "google/protobuf/timestamp.proto",
        "progressor/v1/automaton.proto", "progressor/v1/transfer.proto",
        "progressor/v1/types.proto",
      ])
  }

  @Test(
    "Services, methods, messages, fields, enums and their values are found by name",
    arguments: [
      ("progressor.v1.Automaton", "progressor/v1/automaton.proto"),
      ("progressor.v1.Automaton.Call", "progressor/v1/automaton.proto"),
      ("progressor.v1.Machine", "progressor/v1/types.proto"),
      ("progressor.v1.Machine.aux_state", "progressor/v1/types.proto"),
      ("progressor.v1.StepKind", "progressor/v1/types.proto"),
      ("progressor.v1.STEP_KIND_CALL", "progressor/v1/types.proto"),
      ("google.rpc.ErrorInfo", "google/rpc/error_details.proto"),
      ("google.rpc.ErrorInfo.MetadataEntry", "google/rpc/error_details.proto"),
      ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"),
      ("grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"),
    ])
  func symbols(symbol: String, file: String) {
    #expect(files(index.answer(.fileContaining(symbol: symbol))).first == file)
  }

  @Test("What is not known is NOT_FOUND, within the protocol")
  func unknown() {
    let queries: [ReflectionRequest.Query] = [
      .file(name: "progressor/v2/automaton.proto"), .fileContaining(symbol: "progressor.v1.Machin"),
      .fileContaining(symbol: ""), .extensionNumbers(type: "a.B"),
      .fileContainingExtension(type: "progressor.v1.Machine", number: 100),
    ]
    for query in queries {
      guard case .error(let code, _) = index.answer(query) else {
        Issue.record("\(query) was answered")
        continue
      }
      #expect(code == 5)
    }
    #expect(
      index.answer(.extensionNumbers(type: "progressor.v1.Machine"))
        == .extensionNumbers(type: "progressor.v1.Machine"))
  }

  @Test("Methods that the server does not have are not shown, all else is as it was")
  func unserved() throws {
    let hidden = ["progressor.v1.Namespaces.Update", "progressor.v1.Namespaces.Delete"]
    let less = ReflectionIndex(services: [], unserved: Set(hidden))
    for symbol in hidden {
      #expect(files(index.answer(.fileContaining(symbol: symbol))).count > 1)
      #expect(files(less.answer(.fileContaining(symbol: symbol))) == [])
    }
    let name = "progressor/v1/namespaces.proto"
    let whole = try #require(DescriptorSet.embedded.files.first { $0.name == name })
    let shown = try #require(
      DescriptorSet.embedded.without(methods: Set(hidden)).files.first { $0.name == name })
    #expect(shown.symbols == whole.symbols.filter { !hidden.contains($0) })
    #expect(shown.services == whole.services && shown.dependencies == whole.dependencies)
    #expect(
      DescriptorSet.embedded.without(methods: ["a.B.C"]).files.map(\.encoded)
        == DescriptorSet.embedded.files.map(\.encoded))
  }

  @Test("A response repeats its request")
  func bytes() throws {
    let request = ReflectionRequest(host: "h", query: .services(""))
    let encoded = request.encode { message in
      [UInt8](unsafeUninitializedCapacity: message.size) { buffer, count in
        count = message.write(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
    let response = try encoded.withUnsafeBytes { try index.answer($0) }
    let decoded = try response.withUnsafeBytes { bytes in try ReflectionResponse(decoding: bytes) }
    #expect(decoded.request == request)
    #expect(decoded.answer == index.answer(request.query))
  }

  @Test("A request without a query gets INVALID_ARGUMENT, bytes that are none throw")
  func noQuery() throws {
    #expect(
      index.answer(nil) == .error(code: 3, message: "message_request: must be set"))
    #expect(throws: ProtobufError.malformed) {
      try [UInt8]([0xFF]).withUnsafeBytes { bytes in try index.answer(bytes) }
    }
  }
}
