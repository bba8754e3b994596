/// The custom metadata of a call: an ordered list of names and values, several values per name
/// allowed. A name that ends in `-bin` has bytes for a value, every other one has text (gRPC
/// `doc/PROTOCOL-HTTP2.md`, "Custom-Metadata").
///
/// Only metadata of the application is held here. Pseudo-headers, hop-by-hop fields and the fields
/// by which gRPC steers itself never get in, neither from the application nor from a peer (see
/// ``FieldName/isReserved(_:)``).
public struct Metadata: Sendable, Hashable {
  /// A value, in the form that its name demands.
  public enum Value: Sendable, Hashable {
    case text(String)
    case binary([UInt8])
  }

  /// One name with one value.
  public struct Entry: Sendable, Hashable {
    /// The name, in lower case.
    public let name: String
    /// The value: `.binary` exactly when the name ends in `-bin`.
    public let value: Value
  }

  /// All entries, in their order on the wire.
  public private(set) var entries: [Entry] = []

  /// Creates empty metadata.
  public init() {}

  /// Whether there is no entry.
  public var isEmpty: Bool { entries.isEmpty }

  /// Adds a text value. The name is taken in lower case, spaces around the value are cut off, for
  /// HTTP does not keep them.
  ///
  /// - Throws: ``MetadataError`` if the name is malformed, reserved or ends in `-bin`, or if the
  ///   value has a character outside 0x20–0x7E.
  public mutating func append(_ name: String, text value: String) throws(MetadataError) {
    let name = try FieldName.validated(name)
    if FieldName.isBinary(name) { throw .binaryName(name) }
    guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw .invalidValue(name) }
    entries.append(Entry(name: name, value: .text(FieldName.trimmed(value))))
  }

  /// Adds a value of bytes under a name that ends in `-bin`.
  ///
  /// - Throws: ``MetadataError`` if the name is malformed, reserved or does not end in `-bin`.
  public mutating func append(_ name: String, binary value: [UInt8]) throws(MetadataError) {
    let name = try FieldName.validated(name)
    guard FieldName.isBinary(name) else { throw .textName(name) }
    entries.append(Entry(name: name, value: .binary(value)))
  }

  /// Adds an entry of other metadata, which is valid by construction.
  public mutating func append(_ entry: Entry) {
    entries.append(entry)
  }

  /// The first text value under a name in lower case.
  public func text(_ name: String) -> String? {
    for entry in entries where entry.name == name {
      if case .text(let value) = entry.value { return value }
    }
    return nil
  }

  /// The first value of bytes under a name in lower case.
  public func binary(_ name: String) -> [UInt8]? {
    for entry in entries where entry.name == name {
      if case .binary(let value) = entry.value { return value }
    }
    return nil
  }

  /// All values under a name in lower case, in order.
  public func values(_ name: String) -> [Value] {
    entries.filter { $0.name == name }.map(\.value)
  }

  /// Removes every entry of a name in lower case.
  public mutating func removeAll(named name: String) {
    entries.removeAll { $0.name == name }
  }
}

/// Why metadata of the application was refused.
public enum MetadataError: Error, Sendable, Hashable {
  /// The name is empty or has a character other than a–z, 0–9, `_`, `-` and `.`.
  case invalidName(String)
  /// The name belongs to gRPC or to HTTP.
  case reservedName(String)
  /// The text value of this name has a character outside 0x20–0x7E.
  case invalidValue(String)
  /// The name ends in `-bin`, so its value must be bytes.
  case binaryName(String)
  /// The name does not end in `-bin`, so its value must be text.
  case textName(String)
}

extension MetadataError: CustomStringConvertible {
  /// What is wrong, and what would be right.
  public var description: String {
    switch self {
    case .invalidName(let name):
      "metadata name \"\(name)\" must consist of the characters a-z, 0-9, '_', '-' and '.'"
    case .reservedName(let name): "metadata name \"\(name)\" is reserved for gRPC and HTTP"
    case .invalidValue(let name):
      "metadata value of \"\(name)\" must be printable ASCII; use a name that ends in \"-bin\""
    case .binaryName(let name): "metadata name \"\(name)\" ends in \"-bin\": its value is bytes"
    case .textName(let name):
      "metadata name \"\(name)\" must end in \"-bin\", because its value is bytes"
    }
  }
}
