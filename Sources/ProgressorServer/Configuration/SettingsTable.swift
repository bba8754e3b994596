/// The settings as documentation: made of the tables by which they are read.
public enum SettingsTable {
  /// Two Markdown tables, of the settings and of the keys of a namespace in the file.
  public static func markdown() -> String {
    var lines = [
      "| key | flag | environment | values | default | meaning |", "|---|---|---|---|---|---|",
    ]
    for setting in Setting.all {
      let flag = setting.flag.map { "`\($0)`" } ?? ""
      lines.append(
        "| `\(setting.key)` | \(flag) | `\(setting.environmentVariable)` | "
          + "\(values(setting.kind)) | \(code(setting.defaultText)) | \(setting.meaning) |")
    }
    lines += ["", "| key of a namespace | values | default | meaning |", "|---|---|---|---|"]
    for setting in NamespaceSetting.all {
      lines.append(
        "| `\(setting.key)` | \(values(setting.kind)) | \(code(setting.defaultText)) | "
          + "\(setting.meaning) |")
    }
    return lines.joined(separator: "\n")
  }

  private static func code(_ text: String) -> String { text.isEmpty ? "" : "`\(text)`" }

  private static func values(_ kind: Setting.Kind) -> String {
    switch kind {
    case .text: "text"
    case .list: "list of texts"
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .duration(let range):
      "\(Quantity.text(microseconds: range.lowerBound)) to "
        + "\(Quantity.text(microseconds: range.upperBound))"
    case .size(let range):
      "\(Quantity.text(bytes: range.lowerBound)) to \(Quantity.text(bytes: range.upperBound))"
    case .choice(let words): words.joined(separator: ", ")
    }
  }

  private static func values(_ kind: NamespaceSetting.Kind) -> String {
    switch kind {
    case .text: "text"
    case .list: "list of texts"
    case .integer: "whole number"
    case .decimal: "number"
    case .duration: "duration"
    case .size: "size"
    case .choice(let words): words.joined(separator: ", ")
    }
  }
}
