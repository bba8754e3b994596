import MachineModel
import Testing

@testable import ProgressorProto

@Suite("The feed on the wire") struct EventSinkTests {
  private func refuses<Message: ProtobufMessage>(
    _ path: String, _ problem: String, _ type: Message.Type, _ bytes: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: ProtobufError.invalid(path: path, problem: problem), sourceLocation: sourceLocation
    ) { try Message(decoding: bytes) }
  }

  private func cursor(_ shard: UInt64, _ sequence: UInt64) -> [UInt8] {
    Wire.bytes(2, Wire.varint(1, shard) + Wire.varint(2, sequence))
  }

  @Test("Nothing set is the whole feed from the oldest entry, and nothing is remembered")
  func least() throws {
    #expect(try SubscribeRequest(decoding: []).subscription == FeedSubscription())
  }

  @Test("A cursor with a negative number, or two of one shard, are refused")
  func cursors() {
    let consumer = Wire.text(1, "c")
    refuses("cursors[0].shard", "must not be negative", SubscribeRequest.self, cursor(.max, 1))
    refuses(
      "cursors[1].sequence", "must not be negative", SubscribeRequest.self,
      cursor(1, 1) + cursor(2, .max))
    let twice = cursor(7, 1) + cursor(2, 1) + cursor(7, 2)
    let problem = "has more than one of shard 7"
    refuses("cursors", problem, SubscribeRequest.self, twice)
    refuses("cursors", problem, AcknowledgeRequest.self, consumer + twice)
    refuses(
      "cursors", problem, ResetConsumerRequest.self,
      ResetConsumerRequest(
        consumer: "c",
        reset: .cursors([Int64(1), 2].map { FeedCursor(shard: ShardID(7), sequence: $0) })
      ).encoded())
  }

  @Test("At most 100 namespaces, each of them a name")
  func namespaces() throws {
    let hundred = [[UInt8]](repeating: Wire.text(1, "n"), count: 100).flatMap(\.self)
    #expect(try SubscribeRequest(decoding: hundred).subscription.namespaces.count == 100)
    refuses(
      "namespaces", "has more than 100 entries", SubscribeRequest.self,
      hundred + Wire.text(1, "n"))
    refuses(
      "namespaces[1]", "must not be empty", SubscribeRequest.self,
      Wire.text(1, "n") + Wire.text(1, ""))
    refuses(
      "namespaces[0]", "contains a control character", SubscribeRequest.self, Wire.text(1, "a\n"))
  }

  @Test("A consumer's name has the rules of ids; only Subscribe does without")
  func consumers() throws {
    let long = String(repeating: "x", count: 257)
    let longest = Wire.text(4, String(long.dropLast()))
    #expect(try SubscribeRequest(decoding: longest).subscription.consumer.utf8.count == 256)
    refuses("consumer", "is longer than 256 bytes", SubscribeRequest.self, Wire.text(4, long))
    refuses(
      "consumer", "contains a control character", SubscribeRequest.self, Wire.text(4, "a\tb"))
    for type in [AcknowledgeRequest.self, ResetConsumerRequest.self, DeleteConsumerRequest.self]
      as [any ProtobufMessage.Type]
    {
      refuses("consumer", "must not be empty", type, [])
      refuses("consumer", "is longer than 256 bytes", type, Wire.text(1, long))
      refuses("consumer", "contains a control character", type, Wire.text(1, "a\u{7F}"))
    }
  }

  @Test("A kind is one of the contract's; packed or not, and given twice, it is one")
  func kinds() throws {
    for kinds in [Wire.bytes(5, [2, 4, 2]), Wire.varint(5, 4) + Wire.varint(5, 2)] {
      #expect(try SubscribeRequest(decoding: kinds).subscription.kinds == [.event, .removed])
    }
    refuses("kinds[1]", "must be set", SubscribeRequest.self, Wire.bytes(5, [2, 0]))
    refuses("kinds[0]", "has an unknown value", SubscribeRequest.self, Wire.varint(5, 5))
  }

  @Test("A start is one of the contract's")
  func start() {
    refuses("start", "has an unknown value", SubscribeRequest.self, Wire.varint(3, 3))
    refuses(
      "start", "has an unknown value", ResetConsumerRequest.self,
      Wire.text(1, "c") + Wire.varint(2, 3))
  }

  @Test("A reset says either where to start or the cursors")
  func reset() {
    let consumer = Wire.text(1, "c")
    refuses("start", "must be set, or cursors", ResetConsumerRequest.self, consumer)
    refuses(
      "cursors", "must not be set with start", ResetConsumerRequest.self,
      consumer + Wire.varint(2, 1) + Wire.bytes(3, []))
  }

  @Test("A page size must not be negative")
  func page() {
    refuses(
      "page_size", "must not be negative", ListConsumersRequest.self, Wire.varint(1, .max))
  }

  @Test("A change that is none is refused; a machine that tries again works")
  func changes() throws {
    refuses("change", "must be set", SubscribeResponse.self, Wire.varint(1, 3))
    refuses(
      "status_changed.status", "must be set", SubscribeResponse.self, Wire.bytes(8, []))
    refuses("created_at", "must be set", SubscribeResponse.self, Wire.bytes(6, []))
    let retrying = Wire.bytes(1, Wire.varint(1, 4) + Wire.bytes(3, []))
    let status = Wire.bytes(1, Wire.bytes(1, retrying))
    let response = try SubscribeResponse(
      decoding: Wire.bytes(5, []) + Wire.bytes(8, status))
    guard case .entry(let entry) = response else {
      Issue.record("no entry")
      return
    }
    #expect(entry.note.change == .statusChanged(nil))
  }
}
