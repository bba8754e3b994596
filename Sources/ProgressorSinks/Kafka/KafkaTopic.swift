/// The topics that a pattern stands for, one for each namespace.
///
/// Two namespaces never share a topic by their names: a byte that Kafka does not take stands there
/// as `_.` and two digits, base 16, and so does a `_` before a `.`, lest it looks like one of
/// these. Names of letters, digits, `.`, `_` and `-` are otherwise left as they are.
struct KafkaTopic {
  /// What stands for the namespace in a pattern.
  static let placeholder = "{namespace}"
  /// Bytes of a topic's name (Kafka, `org.apache.kafka.common.internals.Topic`).
  static let maximumBytes = 249

  private let parts: [Substring]

  init(_ pattern: String) { parts = pattern.split(separator: Self.placeholder, omitsEmpty: false) }

  /// The topic of a namespace; of more than ``maximumBytes`` when the namespace's name is too long.
  func name(of namespace: String) -> String {
    if parts.count < 2 { return parts.joined() }
    let name = parts.joined(separator: Self.escaped(namespace) { _ in false })
    if name.hasPrefix("__") {
      // Kafka keeps its own topics there, to which nobody may write.
      var isFirst = true
      return parts.joined(
        separator: Self.escaped(namespace) { byte in
          defer { isFirst = false }
          return isFirst && byte == UInt8(ascii: "_")
        })
    }
    if name == "." || name == ".." {
      return parts.joined(separator: Self.escaped(namespace) { $0 == UInt8(ascii: ".") })
    }
    return name
  }

  /// What is wrong with a name of a topic, to go on after it; nil = nothing is.
  static func problem(of name: String) -> String? {
    if name.isEmpty { return "is empty" }
    if name == "." || name == ".." { return "is no name of a topic" }
    if name.utf8.count > maximumBytes { return "is longer than \(maximumBytes) bytes" }
    if !name.utf8.allSatisfy(isLegal) {
      return "has something other than letters of ASCII, digits, \".\", \"_\" and \"-\""
    }
    return nil
  }

  /// - Parameter also: whether a byte is to be escaped, though it need not be.
  private static func escaped(_ namespace: String, also: (UInt8) -> Bool) -> String {
    var result: [UInt8] = []
    let bytes = Array(namespace.utf8)
    for (index, byte) in bytes.enumerated() {
      let following = bytes.dropFirst(index + 1).first
      let isMark = byte == UInt8(ascii: "_") && following == UInt8(ascii: ".")
      let isAsked = also(byte)
      if isLegal(byte), !isMark, !isAsked {
        result.append(byte)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += (byte < 0x10 ? "_.0" : "_.").utf8
        result += digits.utf8
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func isLegal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "._-".utf8.contains(byte)
    }
  }
}

extension String {
  /// By bytes: what comes from outside may hold letters that join others.
  fileprivate func split(separator: String, omitsEmpty: Bool) -> [Substring] {
    utf8.split(separator: separator.utf8, omittingEmptySubsequences: omitsEmpty).map(Substring.init)
  }
}
