import CProtobufC

// Swift values to C structs.
extension ProtobufArena {
  /// A struct with its defaults; nil past the budget.
  mutating func makeDefault<Value: CRepresentable>(
    _ type: Value.Type
  ) -> UnsafeMutablePointer<Value.CMessage>? {
    let memory = allocate(MemoryLayout<Value.CMessage>.size)
    guard let pointer = memory?.bindMemory(to: Value.CMessage.self, capacity: 1) else { return nil }
    Value.initialize(pointer)
    return pointer
  }

  /// The struct of a value; nil for nil, and past the budget, which only decoding has.
  mutating func make<Value: CRepresentable>(
    _ value: Value?
  ) -> UnsafeMutablePointer<Value.CMessage>? {
    guard let value, let pointer = makeDefault(Value.self) else { return nil }
    value.fill(&pointer.pointee, in: &self)
    return pointer
  }

  /// The array of pointers that a repeated field of messages is.
  mutating func makeAll<Value: CRepresentable>(
    _ values: [Value]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Value.CMessage>?>? {
    if values.isEmpty { return nil }
    typealias Element = UnsafeMutablePointer<Value.CMessage>?
    let memory = allocate(values.count * MemoryLayout<Element>.stride)
    guard let array = memory?.bindMemory(to: Element.self, capacity: values.count) else {
      return nil
    }
    for index in values.indices {
      (array + index).initialize(to: make(values[index]))
    }
    return array
  }

  /// The array that a repeated field of strings is.
  mutating func makeAll(_ texts: [String]) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
    if texts.isEmpty { return nil }
    let memory = allocate(texts.count * MemoryLayout<ProtobufCBinaryData>.stride)
    guard let array = memory?.bindMemory(to: ProtobufCBinaryData.self, capacity: texts.count) else {
      return nil
    }
    for index in texts.indices {
      (array + index).initialize(to: make(texts[index]))
    }
    return array
  }

  /// The array that a repeated field of bytes is.
  mutating func makeAll(_ payloads: [[UInt8]]) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
    if payloads.isEmpty { return nil }
    let memory = allocate(payloads.count * MemoryLayout<ProtobufCBinaryData>.stride)
    let array = memory?.bindMemory(to: ProtobufCBinaryData.self, capacity: payloads.count)
    guard let array else { return nil }
    for index in payloads.indices {
      (array + index).initialize(to: refer(to: payloads[index]))
    }
    return array
  }

  /// The array that a repeated field of numbers, or of members of an enum, is.
  mutating func makeAll<Number: BitwiseCopyable>(
    numbers: [Number]
  ) -> UnsafeMutablePointer<Number>? {
    if numbers.isEmpty { return nil }
    let memory = allocate(numbers.count * MemoryLayout<Number>.stride)
    guard let array = memory?.bindMemory(to: Number.self, capacity: numbers.count) else {
      return nil
    }
    for index in numbers.indices {
      (array + index).initialize(to: numbers[index])
    }
    return array
  }

  /// A copy of a text: strings are short, and short ones have no address.
  mutating func make(_ text: String) -> ProtobufCBinaryData {
    var text = text
    return text.withUTF8 { utf8 in
      guard let source = utf8.baseAddress, let copy = allocate(utf8.count) else {
        return ProtobufCBinaryData(len: 0, data: nil)
      }
      copy.copyMemory(from: source, byteCount: utf8.count)
      return ProtobufCBinaryData(len: utf8.count, data: copy.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// A copy of a few bytes that nobody else has.
  mutating func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    guard !bytes.isEmpty, let copy = allocate(bytes.count) else {
      return ProtobufCBinaryData(len: 0, data: nil)
    }
    copy.copyMemory(from: bytes, byteCount: bytes.count)
    return ProtobufCBinaryData(len: bytes.count, data: copy.assumingMemoryBound(to: UInt8.self))
  }

  /// A reference to a payload where it lies.
  ///
  /// The pointer leaves `withUnsafeBufferPointer`: an array's storage does not move while the array
  /// is held and not changed, and `CRepresentable.encode` holds the whole value until it is packed.
  func refer(to payload: [UInt8]) -> ProtobufCBinaryData {
    payload.withUnsafeBufferPointer { bytes in
      ProtobufCBinaryData(len: bytes.count, data: UnsafeMutablePointer(mutating: bytes.baseAddress))
    }
  }
}
