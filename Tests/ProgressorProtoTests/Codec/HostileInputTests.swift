import CProgressorProto
import CProtobufC
import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct HostileInputTests {
  @Test("No message of the contract can contain itself, so that depth has a bound")
  func noRecursion() {
    let edges = messageGraph()
    #expect(edges.count > 60)
    var depths: [String: Int] = [:]
    for message in edges.keys {
      let depth = depth(of: message, in: edges, below: [], &depths)
      #expect(depth != nil, "\(message) contains itself")
      #expect((depth ?? 0) < 10)
    }
  }

  /// Full names of all messages, with those of their fields' messages.
  private func messageGraph() -> [String: [String]] {
    var edges: [String: [String]] = [:]
    func add(_ message: ArraySlice<UInt8>, in scope: String) {
      var name = ""
      for field in FieldReader(message) where field.number == 1 { name = "\(scope).\(field.text)" }
      edges[name] = FieldReader(message).filter { $0.number == 2 }.flatMap { description in
        FieldReader(description.payload).filter { $0.number == 6 }.map(\.text)
      }
      for nested in FieldReader(message) where nested.number == 3 { add(nested.payload, in: name) }
    }
    for file in DescriptorSet.embedded.files {
      var package = ""
      for field in FieldReader(file.encoded[...]) where field.number == 2 { package = field.text }
      for message in FieldReader(file.encoded[...]) where message.number == 4 {
        add(message.payload, in: ".\(package)")
      }
    }
    return edges
  }

  private func depth(
    of message: String, in edges: [String: [String]], below: Set<String>,
    _ depths: inout [String: Int]
  ) -> Int? {
    if below.contains(message) { return nil }
    if let known = depths[message] { return known }
    var deepest = 0
    for next in edges[message] ?? [] {
      guard
        let depth = depth(of: next, in: edges, below: below.union([message]), &depths)
      else { return nil }
      deepest = max(deepest, depth)
    }
    depths[message] = deepest + 1
    return deepest + 1
  }

  @Test("protobuf-c knows every string as bytes, so that none ends at a U+0000")
  func noCStrings() {
    var seen: Set<UnsafePointer<ProtobufCMessageDescriptor>> = []
    func walk(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) {
      guard seen.insert(descriptor).inserted else { return }
      for index in 0..<Int(descriptor.pointee.n_fields) {
        let field = descriptor.pointee.fields[index]
        #expect(field.type != PROTOBUF_C_TYPE_STRING)
        #expect(field.default_value == nil)
        if field.type == PROTOBUF_C_TYPE_MESSAGE, let message = field.descriptor {
          walk(UnsafePointer(message.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)))
        }
      }
    }
    for message in Samples.all {
      guard let message = message as? any CRepresentable else { continue }
      walk(message.descriptor)
    }
    walk(ReflectionRequest(query: nil).descriptor)
    walk(ReflectionResponse(request: .init(query: nil), answer: .services([])).descriptor)
    #expect(seen.count > 50)
    // WireForm has a bit for each.
    #expect(seen.allSatisfy { $0.pointee.n_fields <= 64 })
  }

  @Test("Millions of empty submessages exhaust the budget, not the memory")
  func emptySubmessages() {
    let events = [UInt8](repeating: 0, count: 1 << 21).enumerated().map { index, _ in
      index.isMultiple(of: 2) ? UInt8(0x12) : UInt8(0)
    }
    let answer = Wire.bytes(2, events)
    #expect(throws: ProtobufError.exhausted) { try ProcessCallResponse(decoding: answer) }
  }

  @Test("The most events that a step may have fit the budget, even empty ones")
  func manyEvents() throws {
    let change = StateChange(events: Array(repeating: Content(data: []), count: 50_000))
    let answer = ProcessCallResponse(answer: ProcessorAnswer(change: change))
    #expect(try ProcessCallResponse(decoding: answer.encoded()) == answer)
  }

  @Test("Millions of unknown fields exhaust the budget, not the memory")
  func unknownFields() {
    let fields = [UInt8](repeating: 0x78, count: 1 << 22)  // Field 15, varint, value 0x78.
    #expect(throws: ProtobufError.exhausted) { try StartResponse(decoding: fields) }
  }

  @Test("A singular field that is repeated very often is merged once, in one piece")
  func linearMerge() throws {
    let change = Wire.bytes(2, Wire.bytes(2, Wire.varint(1, 1)))
    let answer = Array(repeatElement(change, count: 50_000).joined())
    #expect(try ProcessCallResponse(decoding: answer).answer.change.events.count == 50_000)
  }

  @Test("A singular field that is repeated a few times is merged, as protobuf has it")
  func merge() throws {
    let first = Wire.bytes(2, Wire.bytes(2, Wire.text(2, "one")))
    let second = Wire.bytes(2, Wire.bytes(2, Wire.text(2, "two")) + Wire.bytes(1, []))
    let answer = try ProcessCallResponse(decoding: first + second).answer
    #expect(answer.change.events.map(\.data) == [Array("one".utf8), Array("two".utf8)])
    #expect(answer.change.auxState == Content(data: []))
  }

  @Test("Merged messages keep the numbers and the oneofs that the later ones do not set")
  func mergedScalars() throws {
    // HistoryRange: after, a oneof with limit, direction.
    let range = { Wire.bytes(3, $0) }
    let both = range(Wire.varint(1, 5)) + range(Wire.varint(3, 1))
    let request = try GetRequest(decoding: Wire.machineID + both)
    #expect(request.historyRange?.after == 5 && request.historyRange?.limit == nil)
    let limits = range(Wire.varint(2, 7)) + range(Wire.varint(1, 5)) + range([])
    let limited = try GetRequest(decoding: Wire.machineID + limits)
    #expect(limited.historyRange?.after == 5 && limited.historyRange?.limit == 7)
  }

  @Test("A oneof's message that comes twice is merged, unless another member came between")
  func mergedOneof() throws {
    // Action: a oneof of set_timer = 1 and unset_timer = 2; SetTimer: a oneof with timeout = 2.
    let first = Wire.bytes(1, Wire.bytes(2, Wire.varint(1, 9)))
    let second = Wire.bytes(1, Wire.bytes(2, Wire.varint(2, 1)))
    func action(_ fields: [UInt8]) throws -> Action {
      try ProcessSignalResponse(decoding: Wire.bytes(2, fields)).answer.action
    }
    let merged = try action(first + second)
    let replaced = try action(first + Wire.bytes(2, []) + second)
    #expect("\(merged)".contains("9000000") && !"\(replaced)".contains("9000000"))
    #expect(try action(first + second + Wire.bytes(2, [])).timer == .unset)
  }

  @Test("The last of several values of a scalar counts")
  func lastWins() throws {
    let request = try CallRequest(decoding: Wire.machineID + Wire.text(2, "j"))
    #expect(request.machineID.id == "j")
  }

  @Test("The last member of a oneof counts")
  func lastOneofWins() throws {
    let action = Wire.bytes(1, Wire.bytes(2, Wire.varint(1, 9))) + Wire.bytes(2, [])
    #expect(
      try ProcessSignalResponse(decoding: Wire.bytes(2, action)).answer.action.timer == .unset)
  }

  @Test("A length beyond the input is refused at once")
  func hugeLength() {
    let bytes = Wire.machineID + [0x1A] + Wire.bare(1 << 30) + [1, 2, 3]
    #expect(throws: ProtobufError.malformed) { try CallRequest(decoding: bytes) }
    let longest = Wire.machineID + [0x1A] + Wire.bare(.max)
    #expect(throws: ProtobufError.malformed) { try CallRequest(decoding: longest) }
  }

  @Test("Groups are skipped as any field that is not known, wherever they stand")
  func groups() throws {
    // Start, a number, a nested group with a string, and their ends.
    let group =
      Wire.bare(15 << 3 | 3) + Wire.varint(1, 7) + Wire.bare(16 << 3 | 3) + Wire.text(2, "x")
      + Wire.bare(16 << 3 | 4) + Wire.bare(15 << 3 | 4)
    let request = try CallRequest(decoding: group + Wire.machineID + group)
    #expect(request == CallRequest(machineID: .init(namespace: "n", id: "i")))
    let inner = Wire.bytes(2, group + Wire.bytes(2, group + Wire.text(2, "one")))
    #expect(
      try ProcessCallResponse(decoding: inner).answer.change.events.map(\.data)
        == [Array("one".utf8)])
    let wrongEnd = Wire.bare(15 << 3 | 3) + Wire.bare(16 << 3 | 4)
    for broken in [wrongEnd, Array(group.dropLast(2)), Wire.bare(15 << 3 | 4)] {
      #expect(throws: ProtobufError.malformed) {
        try CallRequest(decoding: Wire.machineID + broken)
      }
    }
  }

  @Test("Deep nesting in an unknown field costs nothing; groups may be 100 deep")
  func deepNesting() throws {
    var nested: [UInt8] = []
    for _ in 0..<2_000 { nested = Wire.bytes(15, nested) }
    let request = try CallRequest(decoding: Wire.machineID + Wire.bytes(15, nested))
    #expect(request.machineID.id == "i")
    let groups = [UInt8](repeating: 0x7B, count: 100_000)
    #expect(throws: ProtobufError.malformed) { try CallRequest(decoding: Wire.machineID + groups) }
  }

  @Test("A field of another wire type is no field of ours")
  func wrongWireType() throws {
    let bytes = Wire.machineID + Wire.varint(3, 7)
    #expect(throws: ProtobufError.malformed) { try CallRequest(decoding: bytes) }
  }

  @Test("Unknown fields are ignored")
  func unknownField() throws {
    let bytes = Wire.machineID + Wire.varint(100, 7) + Wire.text(101, "later")
    #expect(
      try CallRequest(decoding: bytes) == CallRequest(machineID: .init(namespace: "n", id: "i")))
  }
}
