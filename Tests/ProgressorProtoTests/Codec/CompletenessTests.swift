import CProgressorProto
import CProtobufC
import Testing

@testable import ProgressorProto

/// What a contract gains must come with a codec: a message without a sample, or a field that no
/// sample has on the wire, is one that the codec may have forgotten.
@Suite("Completeness of the codecs") struct CompletenessTests {
  private typealias Descriptor = UnsafePointer<ProtobufCMessageDescriptor>

  @Test("Every request and response of the contract has a sample")
  func messages() {
    let sampled = Set(Samples.all.map { "progressor.v1.\(type(of: $0))" })
    let messages = DescriptorSet.embedded.files
      .filter { $0.name.hasPrefix("progressor/") }
      .flatMap(\.symbols).filter { $0.hasSuffix("Request") || $0.hasSuffix("Response") }
    #expect(messages.count > 40)
    #expect(messages.filter { !sampled.contains($0) } == [])
  }

  @Test("Every field of every message is in a sample, as it is on the wire")
  func fields() {
    var all: Set<String> = []
    var sent: Set<String> = []
    for message in Samples.all {
      guard let value = message as? any CRepresentable else { continue }
      collect(value.descriptor, into: &all)
      message.encoded().withUnsafeBytes { collect($0, of: value.descriptor, into: &sent) }
    }
    #expect(all.count > 150)
    #expect(all.subtracting(sent).sorted() == [])
  }

  private func name(_ field: ProtobufCFieldDescriptor, of type: Descriptor) -> String {
    "\(String(cString: type.pointee.name)).\(String(cString: field.name))"
  }

  private func message(_ field: ProtobufCFieldDescriptor) -> Descriptor? {
    guard field.type == PROTOBUF_C_TYPE_MESSAGE else { return nil }
    return field.descriptor.map {
      Descriptor($0.assumingMemoryBound(to: ProtobufCMessageDescriptor.self))
    }
  }

  /// All fields of a message and of those in it; no message contains itself.
  private func collect(_ type: Descriptor, into names: inout Set<String>) {
    for index in 0..<Int(type.pointee.n_fields) {
      let field = type.pointee.fields[index]
      let name = name(field, of: type)
      names.insert(name)
      if let inner = message(field) { collect(inner, into: &names) }
    }
  }

  /// The fields that an encoded message has.
  private func collect(
    _ bytes: UnsafeRawBufferPointer, of type: Descriptor, into names: inout Set<String>
  ) {
    var fields = WireFields(bytes)
    while let next = fields.next() {
      guard let field = protobuf_c_message_descriptor_get_field(type, next.number)?.pointee else {
        Issue.record("\(String(cString: type.pointee.name)) has no field \(next.number)")
        continue
      }
      names.insert(name(field, of: type))
      if let inner = message(field), case .payload(let range) = next.kind {
        collect(UnsafeRawBufferPointer(rebasing: bytes[range]), of: inner, into: &names)
      }
    }
  }
}

extension CRepresentable {
  /// What protobuf-c knows of the message.
  var descriptor: UnsafePointer<ProtobufCMessageDescriptor> {
    ProtobufArena.withArena { arena in
      arena.makeDefault(Self.self).unsafelyUnwrapped.withMemoryRebound(
        to: ProtobufCMessage.self, capacity: 1
      ) { $0.pointee.descriptor }
    }
  }
}
