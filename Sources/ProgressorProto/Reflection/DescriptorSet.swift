import CProgressorProto

/// The contract's own description, as `protoc` wrote it: a `google.protobuf.FileDescriptorSet`.
///
/// Field numbers are those of google/protobuf/descriptor.proto.
struct DescriptorSet: Sendable {
  struct File: Sendable {
    var name: String
    var dependencies: [String]
    /// The full names of everything that the file declares.
    var symbols: [String]
    /// The full names of its services.
    var services: [String]
    /// The `FileDescriptorProto`, encoded.
    var encoded: [UInt8]
  }

  var files: [File]

  /// What scripts/generate put into the program.
  static let embedded: DescriptorSet = {
    var size = 0
    let start = progressor_descriptor_set(&size)
    return DescriptorSet([UInt8](UnsafeBufferPointer(start: start, count: size)))
  }()

  init(_ encoded: [UInt8]) {
    files = FieldReader(encoded[...]).filter { $0.number == 1 }.map { File($0.payload) }
  }
}

extension DescriptorSet.File {
  fileprivate init(_ encoded: ArraySlice<UInt8>) {
    self.init(name: "", dependencies: [], symbols: [], services: [], encoded: Array(encoded))
    var package = ""
    for field in FieldReader(encoded) where field.number == 2 { package = field.text }
    for field in FieldReader(encoded) {
      switch field.number {
      case 1: name = field.text
      case 3: dependencies.append(field.text)
      case 4: addMessage(field.payload, in: package)
      case 5: addEnum(field.payload, in: package)
      case 6:
        let service = add(field.payload, in: package)
        services.append(service)
        for method in FieldReader(field.payload) where method.number == 2 {
          _ = add(method.payload, in: service)
        }
      default: break
      }
    }
  }

  /// Adds a symbol whose description begins with its name as field 1. Returns its full name.
  private mutating func add(_ description: ArraySlice<UInt8>, in scope: String) -> String {
    var name = ""
    for field in FieldReader(description) where field.number == 1 { name = field.text }
    let fullName = scope.isEmpty ? name : "\(scope).\(name)"
    symbols.append(fullName)
    return fullName
  }

  private mutating func addMessage(_ description: ArraySlice<UInt8>, in scope: String) {
    let message = add(description, in: scope)
    for field in FieldReader(description) {
      switch field.number {
      case 2, 8: _ = add(field.payload, in: message)  // A field, a oneof.
      case 3: addMessage(field.payload, in: message)
      case 4: addEnum(field.payload, in: message)
      default: break
      }
    }
  }

  /// The values of an enum are siblings of it, as in C++.
  private mutating func addEnum(_ description: ArraySlice<UInt8>, in scope: String) {
    _ = add(description, in: scope)
    for value in FieldReader(description) where value.number == 2 {
      _ = add(value.payload, in: scope)
    }
  }
}
