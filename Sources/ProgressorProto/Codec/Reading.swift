import CProtobufC
import MachineModel

// C structs to Swift values. `field` is the field's name in the contract, for errors.

extension CRepresentable {
  /// The value of a field that may be absent.
  static func read(
    _ message: UnsafeMutablePointer<CMessage>?, _ field: String
  ) throws(ProtobufError) -> Self? {
    guard let message else { return nil }
    do {
      return try Self(message.pointee)
    } catch {
      throw error.within(field)
    }
  }

  /// The value of a field that must be set.
  static func require(
    _ message: UnsafeMutablePointer<CMessage>?, _ field: String
  ) throws(ProtobufError) -> Self {
    guard let value = try read(message, field) else { throw .invalid(field, "must be set") }
    return value
  }

  /// The values of a repeated field.
  static func readAll(
    _ messages: UnsafeMutablePointer<UnsafeMutablePointer<CMessage>?>?, count: Int,
    _ field: String
  ) throws(ProtobufError) -> [Self] {
    guard let messages, count > 0 else { return [] }
    var values: [Self] = []
    values.reserveCapacity(count)
    for index in 0..<count {
      guard let message = messages[index] else { throw .malformed }
      do {
        values.append(try Self(message.pointee))
      } catch {
        throw error.within("\(field)[\(index)]")
      }
    }
    return values
  }
}

extension RawRepresentable<Int32> {
  /// The member of an enum that has no others.
  init(_ value: UInt32, _ field: String) throws(ProtobufError) {
    guard let known = Self(rawValue: Int32(bitPattern: value)) else {
      throw .invalid(field, "has an unknown value")
    }
    self = known
  }
}

extension ProtobufCBinaryData {
  /// A copy of the bytes.
  var bytes: [UInt8] { [UInt8](UnsafeBufferPointer(start: data, count: len)) }

  /// The bytes as text: valid UTF-8 without U+0000, which PostgreSQL could not hold.
  func text(_ field: String) throws(ProtobufError) -> String {
    let buffer = UnsafeBufferPointer(start: data, count: len)
    if buffer.contains(0) { throw .invalid(field, "contains U+0000") }
    guard let utf8 = try? UTF8Span(validating: buffer.span) else {
      throw .invalid(field, "is not valid UTF-8")
    }
    return String(copying: utf8)
  }

  /// The text, nil when it is empty.
  func optionalText(_ field: String) throws(ProtobufError) -> String? {
    len == 0 ? nil : try text(field)
  }

  /// The texts of a repeated field.
  static func texts(
    _ array: UnsafeMutablePointer<ProtobufCBinaryData>?, count: Int, _ field: String
  ) throws(ProtobufError) -> [String] {
    guard let array else { return [] }
    var texts: [String] = []
    for index in 0..<count {
      texts.append(try array[index].text("\(field)[\(index)]"))
    }
    return texts
  }

  /// The bytes as a machine id or a name of the same rules.
  func identifier(_ field: String) throws(ProtobufError) -> String {
    let text = try text(field)
    do {
      try MachineID.validate(text, field: field)
    } catch {
      throw ProtobufError(error)
    }
    return text
  }

  /// The bytes as an idempotency key, nil = none.
  func idempotencyKey() throws(ProtobufError) -> String? {
    len == 0 ? nil : try identifier("idempotency_key")
  }
}
