/// Metrics as text, by Prometheus' exposition formats, version 0.0.4: families one after the other,
/// each with all of its samples.
public struct Exposition: Sendable {
  /// What kind of numbers a family has.
  public enum Kind: String, Sendable {
    /// Only grows, until the process ends.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts of observations by their size.
    case histogram
  }

  /// The names and values of one sample's labels, in the order in which they are written.
  public typealias Labels = [(name: String, value: String)]

  /// The value of `Content-Type`.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// What was written so far.
  public private(set) var text = ""
  private var name = ""

  /// Begins with nothing.
  public init() {}

  /// Begins a family; the samples that follow are its own.
  ///
  /// - Parameters:
  ///   - name: is made a valid name (letters, digits, `_` and `:`).
  ///   - help: a sentence for people, empty = none.
  public mutating func family(_ name: String, _ kind: Kind, _ help: String = "") {
    self.name = MetricName.metric(name)
    if !help.isEmpty { text += "# HELP \(self.name) \(MetricName.escaped(help, quotes: false))\n" }
    text += "# TYPE \(self.name) \(kind.rawValue)\n"
  }

  /// Writes a sample of the family.
  public mutating func sample(_ value: Double, _ labels: Labels = []) {
    write(suffix: "", labels, MetricName.number(value))
  }

  /// Writes a sample of the family.
  public mutating func sample(_ value: some BinaryInteger, _ labels: Labels = []) {
    write(suffix: "", labels, "\(value)")
  }

  /// Writes a histogram's samples: `counts` has one bucket for each bound, and one more for what is
  /// above the last.
  public mutating func histogram(
    bounds: [Double], counts: [UInt64], sum: Double, _ labels: Labels = []
  ) {
    var total: UInt64 = 0
    for (index, count) in counts.enumerated() {
      total += count
      let bound = index < bounds.count ? MetricName.number(bounds[index]) : "+Inf"
      write(suffix: "_bucket", labels + [("le", bound)], "\(total)")
    }
    write(suffix: "_sum", labels, MetricName.number(sum))
    write(suffix: "_count", labels, "\(total)")
  }

  private mutating func write(suffix: String, _ labels: Labels, _ value: String) {
    text += name
    text += suffix
    if !labels.isEmpty {
      text += "{"
      for (index, label) in labels.enumerated() {
        if index > 0 { text += "," }
        text += MetricName.label(label.name)
        text += "=\""
        text += MetricName.escaped(label.value, quotes: true)
        text += "\""
      }
      text += "}"
    }
    text += " "
    text += value
    text += "\n"
  }
}
