import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct RoundTripTests {
  @Test("Every message comes back as it was encoded, present and absent fields included")
  func roundTrip() throws {
    for message in Samples.all { try check(message) }
  }

  private func check<Message: ProtobufMessage>(_ message: Message) throws {
    let encoded = message.encoded()
    #expect(try Message(decoding: encoded) == message)
    #expect(try Message(decoding: encoded.span.bytes) == message)
    message.encode { encoding in
      #expect(encoding.size == encoded.count)
    }
  }

  @Test("A message is written to the beginning of a larger buffer and leaves the rest alone")
  func writesOnlyItsSize() {
    let message = CallResponse(response: [1, 2, 3])
    var buffer = [UInt8](repeating: 0xEE, count: 16)
    let written = message.encode { encoding in
      buffer.withUnsafeMutableBytes { encoding.write(into: $0) }
    }
    #expect(Array(buffer.prefix(written)) == message.encoded())
    #expect(buffer.dropFirst(written).allSatisfy { $0 == 0xEE })
  }

  @Test("A large payload and a long history survive")
  func large() throws {
    let payload = [UInt8](repeating: 0x5A, count: 2 << 20)
    try check(CallRequest(machineID: Samples.machineID, args: payload))
    var machine = Samples.fullMachine
    machine.history = (1...10_000).map { id in
      .init(id: id, createdAt: Samples.moment, body: .init(data: Array("event \(id)".utf8)))
    }
    try check(GetResponse(machine: machine))
  }

  @Test("No prefix of a message and no changed byte does worse than throw")
  func mutations() {
    var random = SeededRandom(seed: 0x5EED)
    for message in Samples.all { mutate(message, &random) }
  }

  private func mutate<Message: ProtobufMessage>(_ message: Message, _ random: inout SeededRandom) {
    let encoded = message.encoded()
    for length in 0..<min(encoded.count, 512) {
      _ = try? Message(decoding: Array(encoded.prefix(length)))
    }
    guard !encoded.isEmpty else { return }
    for _ in 0..<300 {
      var changed = encoded
      for _ in 0...Int(random.next() % 3) {
        changed[Int(random.next() % UInt64(changed.count))] = UInt8(random.next() & 0xFF)
      }
      // What decodes after all must be a value that can be encoded and decoded again.
      guard let decoded = try? Message(decoding: changed) else { continue }
      #expect((try? Message(decoding: decoded.encoded())) != nil)
    }
  }
}
