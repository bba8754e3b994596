/// Inputs as text, which can be read and reviewed: one a line. A line that begins with `#` says
/// something about those that follow.
///
/// What is printable stands for itself, but `\\`; `\n` is a line feed, `\xHH` any other byte. A
/// space at an end is written so too.
enum Corpus {
  /// What is wrong with a file.
  struct Problem: Error, CustomStringConvertible {
    let line: Int
    var description: String { "line \(line): write \\\\, \\n or \\xHH behind a backslash" }
  }

  static func inputs(of text: [UInt8]) throws(Problem) -> [[UInt8]] {
    var inputs: [[UInt8]] = []
    var number = 0
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
      guard let input = input(line) else { throw Problem(line: number) }
      inputs.append(input)
    }
    return inputs
  }

  static func line(_ input: [UInt8]) -> String {
    var line = ""
    for (index, byte) in input.enumerated() {
      let isEnd = index == 0 || index == input.count - 1
      switch byte {
      case UInt8(ascii: "\\"): line += "\\\\"
      case UInt8(ascii: "\n"): line += "\\n"
      case UInt8(ascii: " ") where isEnd, UInt8(ascii: "#") where isEnd, ..<0x20, 0x7F...:
        line += "\\x" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
      default: line += String(UnicodeScalar(byte))
      }
    }
    return line
  }

  private static func input(_ line: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = line
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "x"):
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        guard digits.utf8.count == 2, let byte = UInt8(digits, radix: 16) else { return nil }
        bytes.append(byte)
        rest = rest.dropFirst(2)
      default: return nil
      }
    }
    return bytes
  }
}
