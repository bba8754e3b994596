extension Unicode.Scalar {
  /// Whether it steers what shows a text, instead of being shown: it may move the cursor, begin an
  /// escape sequence, or make a line read in another order than it is written.
  ///
  /// C0, DEL and C1 (ECMA-48, 5.2 and 8.3), the controls of direction (Unicode UAX #9, 2), the
  /// separators of lines and paragraphs, and tags, which nobody sees (Unicode, 23.9).
  public var steersText: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: properties.isBidiControl || (0xE_0000...0xE_007F).contains(value)
    }
  }
}
