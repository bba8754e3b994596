import MachineModel

/// Text for people, which may land on a terminal: what stands in our source is printed as it is,
/// what is put into it may come from anybody and has its control characters escaped.
///
///     "\(machine.id)\tfailed"    // the tab is ours; one in the id is shown as \t
struct TerminalText: ExpressibleByStringInterpolation, Sendable, Hashable {
  /// What is printed.
  let text: String

  /// A text of this program's own, with line ends that are meant.
  init(ours text: String) { self.text = text }

  /// What anybody wrote, on one line.
  init(foreign text: String) { self.text = TerminalText.escaped(text) }

  init(stringLiteral text: String) { self.text = text }

  init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

  struct Interpolation: StringInterpolationProtocol {
    var text = ""

    init(literalCapacity: Int, interpolationCount: Int) {}

    mutating func appendLiteral(_ literal: String) { text += literal }

    mutating func appendInterpolation(_ part: TerminalText) { text += part.text }

    mutating func appendInterpolation(_ foreign: some CustomStringConvertible) {
      text += TerminalText.escaped(foreign.description)
    }

    mutating func appendInterpolation(_ foreign: any Error) {
      text += TerminalText.escaped("\(foreign)")
    }
  }

  static func + (left: TerminalText, right: TerminalText) -> TerminalText {
    TerminalText(ours: left.text + right.text)
  }

  static func += (left: inout TerminalText, right: TerminalText) { left = left + right }

  /// The text with what steers a terminal made visible: `\n`, `\t`, `\r`, `\u{1b}`. Backslashes
  /// stay as they are: who has to tell them apart reads the JSON form.
  ///
  /// - Parameter kept: scalars that are meant although they steer.
  static func escaped(_ text: String, keeping kept: Set<Unicode.Scalar> = []) -> String {
    guard text.unicodeScalars.contains(where: \.steersText) else { return text }
    // Bytes: what is appended to a view of scalars may copy all of it each time.
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case _ where !scalar.steersText || kept.contains(scalar): result += UTF8.bytes(of: scalar)
      case "\n": result += "\\n".utf8
      case "\t": result += "\\t".utf8
      case "\r": result += "\\r".utf8
      default:
        result += "\\u{".utf8
        result += String(scalar.value, radix: 16).utf8
        result.append(UInt8(ascii: "}"))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension UTF8 {
  /// A scalar's one to four bytes.
  static func bytes(of scalar: Unicode.Scalar) -> UTF8.EncodedScalar {
    // Every scalar has some.
    encode(scalar) ?? encodedReplacementCharacter
  }
}

extension Sequence<TerminalText> {
  /// One after the other, with our separator in between.
  func joined(separator: String) -> TerminalText {
    TerminalText(ours: map(\.text).joined(separator: separator))
  }
}
