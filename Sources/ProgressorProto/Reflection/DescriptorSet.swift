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

  /// The same without these methods, by their full names. Their messages stay.
  func without(methods: Set<String>) -> DescriptorSet {
    var set = self
    for (index, file) in files.enumerated() where file.symbols.contains(where: methods.contains) {
      set.files[index] = File(file.encoding(without: methods)[...])
    }
    return set
  }
}

extension DescriptorSet.File {
  private typealias File = DescriptorSet.File

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

  /// The description without these methods. It has no source positions, which would count them.
  fileprivate func encoding(without methods: Set<String>) -> [UInt8] {
    let file = FieldReader(encoded[...])
    let package = file.first { $0.number == 2 }?.text ?? ""
    var result: [UInt8] = []
    for field in file {
      guard field.number == 6 else {
        result += field.encoded
        continue
      }
      let scope = File.name(of: field.payload, in: package)
      let kept = FieldReader(field.payload).filter {
        $0.number != 2 || !methods.contains(File.name(of: $0.payload, in: scope))
      }
      let service = kept.flatMap(\.encoded)
      // Field 6, with a length.
      result += [6 << 3 | 2] + File.varint(service.count) + service
    }
    return result
  }

  private static func varint(_ number: Int) -> [UInt8] {
    number < 0x80
      ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
  }

  /// The full name of what a description with its name as field 1 is of.
  private static func name(of description: ArraySlice<UInt8>, in scope: String) -> String {
    let name = FieldReader(description).reduce("") { $1.number == 1 ? $1.text : $0 }
    return scope.isEmpty ? name : "\(scope).\(name)"
  }

  /// Adds a symbol whose description begins with its name as field 1. Returns its full name.
  private mutating func add(_ description: ArraySlice<UInt8>, in scope: String) -> String {
    let fullName = File.name(of: description, in: scope)
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
