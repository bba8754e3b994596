import CProgressorProto
import CProtobufC

// The messages in which a ReflectionResponse holds its answer.

/// `FileDescriptorResponse`.
struct ReflectionFiles: CRepresentable {
  var files: [[UInt8]]

  init(files: [[UInt8]]) { self.files = files }

  static var initialize:
    (UnsafeMutablePointer<Grpc__Reflection__V1__FileDescriptorResponse>?) -> Void
  {
    grpc__reflection__v1__file_descriptor_response__init
  }

  init(_ message: Grpc__Reflection__V1__FileDescriptorResponse) throws(ProtobufError) {
    let array = UnsafeBufferPointer(
      start: message.file_descriptor_proto, count: message.n_file_descriptor_proto)
    files = array.map(\.bytes)
  }

  func fill(
    _ message: inout Grpc__Reflection__V1__FileDescriptorResponse, in arena: inout ProtobufArena
  ) {
    message.file_descriptor_proto = arena.makeAll(files)
    message.n_file_descriptor_proto = files.count
  }
}

/// `ExtensionNumberResponse`: our contract has no extensions, and so no numbers.
struct ReflectionExtensionNumbers: CRepresentable {
  var type: String

  init(type: String) { self.type = type }

  static var initialize:
    (UnsafeMutablePointer<Grpc__Reflection__V1__ExtensionNumberResponse>?) -> Void
  {
    grpc__reflection__v1__extension_number_response__init
  }

  init(_ message: Grpc__Reflection__V1__ExtensionNumberResponse) throws(ProtobufError) {
    type = try message.base_type_name.text("base_type_name")
  }

  func fill(
    _ message: inout Grpc__Reflection__V1__ExtensionNumberResponse, in arena: inout ProtobufArena
  ) {
    message.base_type_name = arena.make(type)
  }
}

/// `ListServiceResponse`.
struct ReflectionServices: CRepresentable {
  var names: [String]

  init(names: [String]) { self.names = names }

  static var initialize: (UnsafeMutablePointer<Grpc__Reflection__V1__ListServiceResponse>?) -> Void
  {
    grpc__reflection__v1__list_service_response__init
  }

  init(_ message: Grpc__Reflection__V1__ListServiceResponse) throws(ProtobufError) {
    names = try ServiceResponse.readAll(
      message.service, count: message.n_service, "service"
    ).map(\.name)
  }

  func fill(
    _ message: inout Grpc__Reflection__V1__ListServiceResponse, in arena: inout ProtobufArena
  ) {
    message.service = arena.makeAll(names.map(ServiceResponse.init(name:)))
    message.n_service = names.count
  }
}

/// `ServiceResponse`.
struct ServiceResponse: CRepresentable {
  var name: String

  init(name: String) { self.name = name }

  static var initialize: (UnsafeMutablePointer<Grpc__Reflection__V1__ServiceResponse>?) -> Void {
    grpc__reflection__v1__service_response__init
  }

  init(_ message: Grpc__Reflection__V1__ServiceResponse) throws(ProtobufError) {
    name = try message.name.text("name")
  }

  func fill(_ message: inout Grpc__Reflection__V1__ServiceResponse, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
  }
}

/// `ErrorResponse`.
struct ReflectionError: CRepresentable {
  var code: Int32
  var message: String

  init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }

  static var initialize: (UnsafeMutablePointer<Grpc__Reflection__V1__ErrorResponse>?) -> Void {
    grpc__reflection__v1__error_response__init
  }

  init(_ message: Grpc__Reflection__V1__ErrorResponse) throws(ProtobufError) {
    code = message.error_code
    self.message = try message.error_message.text("error_message")
  }

  func fill(_ message: inout Grpc__Reflection__V1__ErrorResponse, in arena: inout ProtobufArena) {
    message.error_code = code
    message.error_message = arena.make(self.message)
  }
}
