// Texts that others wrote: what a processor says of a failure, why a connection was closed.

extension String {
  /// The text as it may be kept: without U+0000, which PostgreSQL's text cannot hold, and with its
  /// first `limit` bytes of UTF-8 at most, cut between two characters.
  ///
  /// It is to be applied where the text comes in. So what is in memory is what will be read again.
  public func fitToKeep(utf8Bytes limit: Int) -> String {
    guard utf8.count > limit || utf8.contains(0) else { return self }
    // U+FFFD is longer than what it stands for, so the text is cut again.
    return prefix(scalarsWithin: limit).withoutNUL.prefix(scalarsWithin: limit)
  }

  /// The text with U+FFFD for each U+0000.
  public var withoutNUL: String {
    guard utf8.contains(0) else { return self }
    var scalars = UnicodeScalarView()
    scalars.append(contentsOf: unicodeScalars.lazy.map { $0.value == 0 ? "\u{FFFD}" : $0 })
    return String(scalars)
  }

  private func prefix(scalarsWithin limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(startIndex, offsetBy: max(0, limit))
    while end > startIndex, UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
    return String(decoding: utf8[..<end], as: UTF8.self)
  }
}
