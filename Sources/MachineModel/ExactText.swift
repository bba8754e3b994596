/// A name that is compared byte by byte, as the database compares: for dictionaries of names.
///
/// `String`'s own `==` takes "é" for "e" + U+0301; those are two names.
public struct ExactText: Sendable, Hashable {
  public let text: String

  public init(_ text: String) { self.text = text }

  public static func == (a: ExactText, b: ExactText) -> Bool {
    a.text.utf8.elementsEqual(b.text.utf8)
  }

  /// By `String`'s hash: what is equal here has equal hashes, since that one is coarser.
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
