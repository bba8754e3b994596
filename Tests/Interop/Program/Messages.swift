import NIOCore

/// A message of proto/grpc/testing.
protocol InteropMessage: Sendable {
  init()
  /// Takes one field; those that are not known are ignored.
  mutating func read(_ field: UInt64, _ value: WireReader.Value) throws(NoMessage)
  func write(into writer: inout WireWriter)
}

extension InteropMessage {
  init(decoding bytes: ByteBuffer) throws(NoMessage) {
    self.init()
    var reader = WireReader(bytes)
    while let (field, value) = try reader.next() { try read(field, value) }
  }

  var encoded: ByteBuffer {
    var writer = WireWriter()
    write(into: &writer)
    return writer.bytes
  }
}

struct Empty: InteropMessage {
  mutating func read(_ field: UInt64, _ value: WireReader.Value) {}
  func write(into writer: inout WireWriter) {}
}

/// `BoolValue`: there, or not.
struct Wish: InteropMessage, ExpressibleByBooleanLiteral {
  var isWanted = false

  init() {}
  init(booleanLiteral value: Bool) { isWanted = value }

  mutating func read(_ field: UInt64, _ value: WireReader.Value) {
    if case (1, .number(let number)) = (field, value) { isWanted = number != 0 }
  }

  func write(into writer: inout WireWriter) { writer.write(1, isWanted ? 1 : 0) }
}

struct Payload: InteropMessage {
  var body = ByteBuffer()

  init() {}
  /// So many zeros.
  init(size: Int) { body = ByteBuffer(repeating: 0, count: size) }

  mutating func read(_ field: UInt64, _ value: WireReader.Value) {
    if case (2, .bytes(let bytes)) = (field, value) { body = bytes }
  }

  func write(into writer: inout WireWriter) { writer.write(2, body) }
}

struct EchoStatus: InteropMessage {
  var code: Int32 = 0
  var message = ""

  mutating func read(_ field: UInt64, _ value: WireReader.Value) {
    switch (field, value) {
    case (1, .number(let number)): code = Int32(truncatingIfNeeded: number)
    case (2, .bytes(let bytes)): message = String(buffer: bytes)
    default: break
    }
  }

  func write(into writer: inout WireWriter) {
    writer.write(1, code)
    writer.write(2, ByteBuffer(string: message))
  }
}

struct SimpleRequest: InteropMessage {
  var responseSize: Int32 = 0
  var payload: Payload?
  var responseCompressed: Wish?
  var responseStatus: EchoStatus?
  var expectCompressed: Wish?

  mutating func read(_ field: UInt64, _ value: WireReader.Value) throws(NoMessage) {
    switch (field, value) {
    case (2, .number(let number)): responseSize = Int32(truncatingIfNeeded: number)
    case (3, .bytes(let bytes)): payload = try Payload(decoding: bytes)
    case (6, .bytes(let bytes)): responseCompressed = try Wish(decoding: bytes)
    case (7, .bytes(let bytes)): responseStatus = try EchoStatus(decoding: bytes)
    case (8, .bytes(let bytes)): expectCompressed = try Wish(decoding: bytes)
    default: break
    }
  }

  func write(into writer: inout WireWriter) {
    writer.write(2, responseSize)
    writer.write(3, payload)
    writer.write(6, responseCompressed)
    writer.write(7, responseStatus)
    writer.write(8, expectCompressed)
  }
}

/// SimpleResponse and StreamingOutputCallResponse are the same on the wire.
struct PayloadResponse: InteropMessage {
  var payload = Payload()

  mutating func read(_ field: UInt64, _ value: WireReader.Value) throws(NoMessage) {
    if case (1, .bytes(let bytes)) = (field, value) { payload = try Payload(decoding: bytes) }
  }

  func write(into writer: inout WireWriter) { writer.write(1, payload) }
}

struct StreamingInputCallRequest: InteropMessage {
  var payload = Payload()
  var expectCompressed: Wish?

  mutating func read(_ field: UInt64, _ value: WireReader.Value) throws(NoMessage) {
    switch (field, value) {
    case (1, .bytes(let bytes)): payload = try Payload(decoding: bytes)
    case (2, .bytes(let bytes)): expectCompressed = try Wish(decoding: bytes)
    default: break
    }
  }

  func write(into writer: inout WireWriter) {
    writer.write(1, payload)
    writer.write(2, expectCompressed)
  }
}

struct StreamingInputCallResponse: InteropMessage {
  var aggregatedPayloadSize: Int32 = 0

  mutating func read(_ field: UInt64, _ value: WireReader.Value) {
    if case (1, .number(let number)) = (field, value) {
      aggregatedPayloadSize = Int32(truncatingIfNeeded: number)
    }
  }

  func write(into writer: inout WireWriter) { writer.write(1, aggregatedPayloadSize) }
}

struct ResponseParameters: InteropMessage {
  var size: Int32 = 0
  var intervalMicroseconds: Int32 = 0
  var compressed: Wish?

  mutating func read(_ field: UInt64, _ value: WireReader.Value) throws(NoMessage) {
    switch (field, value) {
    case (1, .number(let number)): size = Int32(truncatingIfNeeded: number)
    case (2, .number(let number)): intervalMicroseconds = Int32(truncatingIfNeeded: number)
    case (3, .bytes(let bytes)): compressed = try Wish(decoding: bytes)
    default: break
    }
  }

  func write(into writer: inout WireWriter) {
    writer.write(1, size)
    writer.write(2, intervalMicroseconds)
    writer.write(3, compressed)
  }
}

struct StreamingOutputCallRequest: InteropMessage {
  var responseParameters: [ResponseParameters] = []
  var payload: Payload?
  var responseStatus: EchoStatus?

  mutating func read(_ field: UInt64, _ value: WireReader.Value) throws(NoMessage) {
    switch (field, value) {
    case (2, .bytes(let bytes)):
      responseParameters.append(try ResponseParameters(decoding: bytes))
    case (3, .bytes(let bytes)): payload = try Payload(decoding: bytes)
    case (7, .bytes(let bytes)): responseStatus = try EchoStatus(decoding: bytes)
    default: break
    }
  }

  func write(into writer: inout WireWriter) {
    for parameters in responseParameters { writer.write(2, parameters) }
    writer.write(3, payload)
    writer.write(7, responseStatus)
  }
}
