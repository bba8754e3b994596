import GRPC
import MachineModel
import ProgressorServer

/// The members of an object that was read, taken one after the other. What is missing, of another
/// kind or not known is told with its path.
struct JSONFields {
  /// Which member is wrong, and how.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let path: String
  private var members: [JSONTree.Member]

  init(_ tree: JSONTree, path: String) throws(Failure) {
    guard case .object(let members) = tree else {
      throw Failure(description: "\(path.isEmpty ? "it" : path) must be an object")
    }
    self.path = path
    // What is null is not there, as protobuf's JSON form has it.
    self.members = members.filter { $0.value != .null }
  }

  /// Everything was taken.
  func finish() throws(Failure) {
    if let member = members.first {
      throw Failure(description: "\(name(member.name)) is not known")
    }
  }

  func failure(_ field: String, _ what: String) -> Failure {
    Failure(description: "\(name(field)) \(what)")
  }

  /// What the model would change is refused.
  func check(_ field: String, _ text: String, isKeptAs kept: String) throws(Failure) {
    guard text.utf8.elementsEqual(kept.utf8) else {
      throw failure(field, "has U+0000, which cannot be kept")
    }
  }

  private func name(_ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }

  mutating func take(_ field: String) -> JSONTree? {
    guard let index = members.firstIndex(where: { $0.name.utf8.elementsEqual(field.utf8) }) else {
      return nil
    }
    return members.remove(at: index).value
  }

  mutating func fields(_ field: String) throws(Failure) -> JSONFields? {
    guard let tree = take(field) else { return nil }
    return try JSONFields(tree, path: name(field))
  }

  mutating func array(_ field: String) throws(Failure) -> [JSONFields] {
    guard let tree = take(field) else { return [] }
    guard case .array(let elements) = tree else { throw failure(field, "must be an array") }
    var all: [JSONFields] = []
    for (index, element) in elements.enumerated() {
      all.append(try JSONFields(element, path: "\(name(field))[\(index)]"))
    }
    return all
  }

  mutating func text(_ field: String) throws(Failure) -> String? {
    guard let tree = take(field) else { return nil }
    guard case .string(let text) = tree else { throw failure(field, "must be a string") }
    return text
  }

  mutating func flag(_ field: String) throws(Failure) -> Bool {
    guard let tree = take(field) else { return false }
    guard case .bool(let flag) = tree else { throw failure(field, "must be true or false") }
    return flag
  }

  mutating func int64(_ field: String) throws(Failure) -> Int64? {
    guard let tree = take(field) else { return nil }
    switch tree {
    case .string(let text), .number(let text):
      if let number = Int64(text) { return number }
    default: break
    }
    throw failure(field, "must be a whole number")
  }

  mutating func int32(_ field: String) throws(Failure) -> Int32? {
    guard let number = try int64(field) else { return nil }
    guard let small = Int32(exactly: number) else {
      throw failure(field, "must be a whole number of 32 bits")
    }
    return small
  }

  mutating func time(_ field: String) throws(Failure) -> Timestamp? {
    guard let text = try text(field) else { return nil }
    // Not a distance from now.
    guard text.utf8.count > 10, let time = PointInTime.read(text, now: .latest) else {
      throw failure(field, "must be a time such as 2026-11-25T08:30:00Z, in the years 1 to 9999")
    }
    return time
  }

  mutating func requiredTime(_ field: String) throws(Failure) -> Timestamp {
    guard let time = try time(field) else { throw failure(field, "is missing") }
    return time
  }

  mutating func duration(_ field: String) throws(Failure) -> Int64? {
    guard let text = try text(field) else { return nil }
    guard let microseconds = Quantity.microseconds(text) else {
      throw failure(field, "must be a duration such as 500ms, 10s or 2m")
    }
    return Int64(microseconds)
  }

  /// Bytes: `FIELD` has them in base64, or `TEXT` as text, or both the same.
  mutating func payload(_ field: String, _ textField: String) throws(Failure) -> [UInt8] {
    let text = try text(textField).map { Array($0.utf8) }
    guard let encoded = try self.text(field) else { return text ?? [] }
    guard let bytes = Base64.decode(encoded.utf8) else { throw failure(field, "must be base64") }
    if let text, text != bytes { throw failure(textField, "is another than \(field)") }
    return bytes
  }
}
