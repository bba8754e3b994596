import Glibc
import ProgressorServer

/// Rows in columns. On a terminal they are aligned and cut to its width; elsewhere columns are
/// parted by tabs and nothing is cut.
struct TextTable {
  /// Columns of a terminal, nil = none: tabs.
  private let width: Int?
  /// Of all columns but the last, as long as nothing longer was seen in the first rows.
  private var widths: [Int]
  private let header: [TerminalText]
  /// The column from which is taken first.
  private let longest: Int
  private var isBegun = false
  /// The least that a column is cut to.
  private static let narrowest = 8
  private static let gap = 2

  /// - Parameters:
  ///   - width: The terminal's columns; nil = what reads it is none.
  ///   - longest: The place of the column that is cut first; nil = the last.
  init(header: [TerminalText], width: Int?, cut longest: Int? = nil) {
    self.header = header
    self.longest = longest ?? header.count - 1
    self.width = width
    widths = header.map { TextTable.columns($0.text) }
  }

  /// The lines of the next rows; the first have the header before them, and decide how wide the
  /// columns are.
  mutating func lines(_ rows: [[TerminalText]]) -> [TerminalText] {
    var rows = rows
    if !isBegun {
      isBegun = true
      for row in rows {
        for (index, cell) in row.enumerated() {
          widths[index] = max(widths[index], TextTable.columns(cell.text))
        }
      }
      if let width { fit(width) }
      rows.insert(header, at: 0)
    }
    return rows.map(line)
  }

  /// Takes what is too much from the longest column, down to a fifth, then from the first, and
  /// only then from what stands between them.
  private mutating func fit(_ width: Int) {
    var excess = widths.reduce(TextTable.gap * (widths.count - 1) - width, +)
    func shrink(_ index: Int, to least: Int, _ widths: inout [Int]) {
      let taken = max(0, min(excess, widths[index] - least))
      widths[index] -= taken
      excess -= taken
    }
    shrink(longest, to: max(TextTable.narrowest, width / 5), &widths)
    shrink(0, to: TextTable.narrowest + 4, &widths)
    shrink(longest, to: TextTable.narrowest, &widths)
    let widestFirst = widths.indices.sorted { widths[$0] > widths[$1] }
    for index in widestFirst { shrink(index, to: TextTable.narrowest, &widths) }
  }

  private func line(_ row: [TerminalText]) -> TerminalText {
    guard let width else { return row.joined(separator: "\t") }
    var text = ""
    for (index, cell) in row.enumerated() {
      let cut = TextTable.cut(cell.text, to: widths[index])
      text += cut
      if index < row.count - 1 {
        let padding = widths[index] - TextTable.columns(cut) + TextTable.gap
        text += String(repeating: " ", count: max(1, padding))
      }
    }
    while text.last == " " { text.removeLast() }
    return TerminalText(ours: TextTable.cut(text, to: width))
  }

  /// The text, or its beginning and `…`.
  static func cut(_ text: String, to width: Int) -> String {
    if columns(text) <= width { return text }
    var result = ""
    var taken = 0
    for character in text {
      let next = columns(String(character))
      if taken + next > width - 1 { break }
      taken += next
      result.append(character)
    }
    return result + "…"
  }

  /// How many columns of a terminal a text takes, about: terminals differ in what is rare.
  static func columns(_ text: String) -> Int {
    text.reduce(0) { sum, character in
      sum + (character.unicodeScalars.map(columns).max() ?? 0)
    }
  }

  /// 2 for what Unicode Standard Annex 11 has as wide, 0 for marks.
  private static func columns(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
      0x1F900...0x1F9FF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }

  /// The width of the terminal that standard output is, nil = it is none. `COLUMNS` goes before
  /// what the terminal says.
  static func terminalWidth() -> Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    if let columns = Environment.value("COLUMNS").flatMap({ Int($0) }), columns > 0 {
      return columns
    }
    var size = winsize()
    let asked = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
    return asked == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }
}
