import CProgressorProto
import CProtobufC

/// What reflection answers.
struct ReflectionResponse: CRepresentable, Hashable {
  enum Answer: Hashable {
    /// Encoded `FileDescriptorProto`s.
    case files([[UInt8]])
    case extensionNumbers(type: String)
    case services([String])
    case error(code: Int32, message: String)
  }

  /// The members of the oneof, by their field numbers.
  private enum Field: UInt32 {
    case fileDescriptorResponse = 4
    case allExtensionNumbersResponse = 5
    case listServicesResponse = 6
    case errorResponse = 7
  }

  var request: ReflectionRequest
  var answer: Answer

  init(request: ReflectionRequest, answer: Answer) {
    self.request = request
    self.answer = answer
  }

  static var initialize:
    (UnsafeMutablePointer<Grpc__Reflection__V1__ServerReflectionResponse>?) -> Void
  {
    grpc__reflection__v1__server_reflection_response__init
  }

  init(_ message: Grpc__Reflection__V1__ServerReflectionResponse) throws(ProtobufError) {
    request = try ReflectionRequest.require(message.original_request, "original_request")
    switch Field(rawValue: message.message_response_case.rawValue) {
    case .fileDescriptorResponse:
      answer = .files(
        try ReflectionFiles.require(
          message.file_descriptor_response, "file_descriptor_response"
        ).files)
    case .allExtensionNumbersResponse:
      answer = .extensionNumbers(
        type: try ReflectionExtensionNumbers.require(
          message.all_extension_numbers_response, "all_extension_numbers_response"
        ).type)
    case .listServicesResponse:
      answer = .services(
        try ReflectionServices.require(
          message.list_services_response, "list_services_response"
        ).names)
    case .errorResponse:
      let error = try ReflectionError.require(message.error_response, "error_response")
      answer = .error(code: error.code, message: error.message)
    case nil: throw .invalid("message_response", "must be set")
    }
  }

  func fill(
    _ message: inout Grpc__Reflection__V1__ServerReflectionResponse, in arena: inout ProtobufArena
  ) {
    message.valid_host = arena.make(request.host)
    message.original_request = arena.make(request)
    switch answer {
    case .files(let files):
      set(.fileDescriptorResponse, in: &message)
      message.file_descriptor_response = arena.make(ReflectionFiles(files: files))
    case .extensionNumbers(let type):
      set(.allExtensionNumbersResponse, in: &message)
      message.all_extension_numbers_response = arena.make(ReflectionExtensionNumbers(type: type))
    case .services(let names):
      set(.listServicesResponse, in: &message)
      message.list_services_response = arena.make(ReflectionServices(names: names))
    case .error(let code, let text):
      set(.errorResponse, in: &message)
      message.error_response = arena.make(ReflectionError(code: code, message: text))
    }
  }

  private func set(
    _ field: Field, in message: inout Grpc__Reflection__V1__ServerReflectionResponse
  ) {
    message.message_response_case = .init(rawValue: field.rawValue)
  }
}
