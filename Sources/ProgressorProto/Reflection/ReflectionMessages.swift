import CProgressorProto

// The messages of grpc.reflection.v1; those of v1alpha are the same bytes.

/// What a client asks of reflection.
struct ReflectionRequest: CRepresentable, Hashable {
  enum Query: Hashable {
    case file(name: String)
    case fileContaining(symbol: String)
    case fileContainingExtension(type: String, number: Int32)
    case extensionNumbers(type: String)
    case services(String)
  }

  /// The members of the oneof, by their field numbers.
  private enum Field: UInt32 {
    case fileByFilename = 3
    case fileContainingSymbol = 4
    case fileContainingExtension = 5
    case allExtensionNumbersOfType = 6
    case listServices = 7
  }

  var host: String
  /// nil = none that we know.
  var query: Query?

  init(host: String = "", query: Query?) {
    self.host = host
    self.query = query
  }

  static var initialize:
    (UnsafeMutablePointer<Grpc__Reflection__V1__ServerReflectionRequest>?) -> Void
  {
    grpc__reflection__v1__server_reflection_request__init
  }

  init(_ message: Grpc__Reflection__V1__ServerReflectionRequest) throws(ProtobufError) {
    host = try message.host.text("host")
    switch Field(rawValue: message.message_request_case.rawValue) {
    case .fileByFilename:
      query = .file(name: try message.file_by_filename.text("file_by_filename"))
    case .fileContainingSymbol:
      query = .fileContaining(
        symbol: try message.file_containing_symbol.text("file_containing_symbol"))
    case .fileContainingExtension:
      guard let asked = message.file_containing_extension?.pointee else { throw .malformed }
      query = .fileContainingExtension(
        type: try asked.containing_type.text("file_containing_extension.containing_type"),
        number: asked.extension_number)
    case .allExtensionNumbersOfType:
      query = .extensionNumbers(
        type: try message.all_extension_numbers_of_type.text("all_extension_numbers_of_type"))
    case .listServices:
      query = .services(try message.list_services.text("list_services"))
    case nil: query = nil
    }
  }

  func fill(
    _ message: inout Grpc__Reflection__V1__ServerReflectionRequest, in arena: inout ProtobufArena
  ) {
    message.host = arena.make(host)
    switch query {
    case .file(let name):
      set(.fileByFilename, in: &message)
      message.file_by_filename = arena.make(name)
    case .fileContaining(let symbol):
      set(.fileContainingSymbol, in: &message)
      message.file_containing_symbol = arena.make(symbol)
    case .fileContainingExtension(let type, let number):
      set(.fileContainingExtension, in: &message)
      message.file_containing_extension = arena.make(
        ReflectionExtension(containingType: type, number: number))
    case .extensionNumbers(let type):
      set(.allExtensionNumbersOfType, in: &message)
      message.all_extension_numbers_of_type = arena.make(type)
    case .services(let text):
      set(.listServices, in: &message)
      message.list_services = arena.make(text)
    case nil: break
    }
  }

  private func set(
    _ field: Field, in message: inout Grpc__Reflection__V1__ServerReflectionRequest
  ) {
    message.message_request_case = .init(rawValue: field.rawValue)
  }
}

/// `ExtensionRequest`.
struct ReflectionExtension: CRepresentable {
  var containingType: String
  var number: Int32

  init(containingType: String, number: Int32) {
    self.containingType = containingType
    self.number = number
  }

  static var initialize: (UnsafeMutablePointer<Grpc__Reflection__V1__ExtensionRequest>?) -> Void {
    grpc__reflection__v1__extension_request__init
  }

  init(_ message: Grpc__Reflection__V1__ExtensionRequest) throws(ProtobufError) {
    containingType = try message.containing_type.text("containing_type")
    number = message.extension_number
  }

  func fill(_ message: inout Grpc__Reflection__V1__ExtensionRequest, in arena: inout ProtobufArena)
  {
    message.containing_type = arena.make(containingType)
    message.extension_number = number
  }
}
