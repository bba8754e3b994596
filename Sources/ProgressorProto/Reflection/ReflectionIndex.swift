import MachineModel

/// Answers `grpc.reflection`, v1 and v1alpha: their messages are the same bytes.
///
/// A value without IO: one request in, one response out. Answers to one stream do not depend on
/// each other; files that were sent before are sent again.
public struct ReflectionIndex: Sendable {
  /// The services that are listed, by their full names, in order.
  public let services: [String]

  private let files: [String: DescriptorSet.File]
  private let fileOfSymbol: [String: String]

  /// An index of the whole contract that lists `services`: those that the server really has.
  /// `unserved` are methods of theirs that it does not have, by their full names: they are not
  /// shown.
  ///
  /// The files of all of proto/ are shown, because error details and machines are in files that no
  /// service needs.
  public init(services: [String], unserved: Set<String> = []) {
    self.init(services: services, of: DescriptorSet.embedded.without(methods: unserved))
  }

  init(services: [String], of set: DescriptorSet) {
    self.services = services.sorted()
    self.files = Dictionary(set.files.map { ($0.name, $0) }) { first, _ in first }
    self.fileOfSymbol = Dictionary(
      set.files.flatMap { file in file.symbols.map { ($0, file.name) } }
    ) { first, _ in first }
  }

  /// The methods of the listed services, `package.Service/Method`, sorted.
  public var methods: [String] {
    services.flatMap { service -> [String] in
      let symbols = fileOfSymbol[service].flatMap { files[$0] }?.symbols ?? []
      return symbols.filter { $0.hasPrefix(service + ".") }
        .map { "\(service)/\($0.dropFirst(service.count + 1))" }
    }.sorted()
  }

  /// The full names of all services in the contract.
  public static var knownServices: [String] {
    DescriptorSet.embedded.files.flatMap(\.services).sorted()
  }

  /// The response to a request, both encoded. What the index does not know is answered within the
  /// protocol; only bytes that are no request throw.
  public func answer(_ request: UnsafeRawBufferPointer) throws(ProtobufError) -> [UInt8] {
    let request = try ReflectionRequest(decoding: request)
    let response = ReflectionResponse(request: request, answer: answer(request.query))
    return response.encode { message in
      [UInt8](unsafeUninitializedCapacity: message.size) { buffer, count in
        count = message.write(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
  }

  func answer(_ query: ReflectionRequest.Query?) -> ReflectionResponse.Answer {
    switch query {
    case .file(let name): return answer(file: name, asked: name)
    case .fileContaining(let symbol): return answer(file: fileOfSymbol[symbol], asked: symbol)
    case .fileContainingExtension(let type, let number):
      return notFound("extension \(number) of \(type)")
    case .extensionNumbers(let type):
      return fileOfSymbol[type] == nil ? notFound(type) : .extensionNumbers(type: type)
    case .services: return .services(services)
    case nil:
      return .error(code: Code.invalidArgument.rawValue, message: "message_request: must be set")
    }
  }

  private func answer(file name: String?, asked: String) -> ReflectionResponse.Answer {
    guard let name, files[name] != nil else { return notFound(asked) }
    return .files(closure(of: name).map(\.encoded))
  }

  private func notFound(_ what: String) -> ReflectionResponse.Answer {
    .error(code: Code.notFound.rawValue, message: "\(what) is not known")
  }

  /// The file, and then all that it imports, directly or not.
  private func closure(of name: String) -> [DescriptorSet.File] {
    var found: [DescriptorSet.File] = []
    var seen: Set<String> = [name]
    var pending = [name]
    while let next = pending.popLast() {
      guard let file = files[next] else { continue }
      found.append(file)
      for dependency in file.dependencies where seen.insert(dependency).inserted {
        pending.append(dependency)
      }
    }
    return found
  }
}
