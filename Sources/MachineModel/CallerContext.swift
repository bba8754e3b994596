/// What of a caller goes on to the processor: who it is, and of its metadata `traceparent`,
/// `tracestate` and `x-…` keys.
///
/// It is stored with the timer or notification that the request made, and handed on when they fire.
public struct CallerContext: Sendable, Hashable {
  /// One key of the caller's metadata with its value.
  public struct Entry: Sendable, Hashable {
    /// The metadata key, in lower case as HTTP/2 has it (RFC 9113 section 8.2.1).
    public var name: String
    /// Text; of a name that ends in `-bin` the base64 of its bytes, as it travels.
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// In the order in which the caller sent them; names in lower case.
  public var entries: [Entry]
  /// Who asks, as the server knows it and never as a client says; 1 to 256 bytes. nil = nobody has
  /// an identity here.
  public var principal: String?

  /// Bound of all entries as HTTP/2 counts them, by name, value and 32 bytes more (RFC 9113 section
  /// 6.5.2); entries beyond it are not taken over. So what was received can be sent: peers commonly
  /// take 8 KiB.
  public static let maximumBytes = 4096

  /// The longest `principal`, in bytes of UTF-8.
  public static let maximumPrincipalBytes = 256

  /// Keeps of `entries` what a processor may see, as far as `maximumBytes` reach.
  public init(_ entries: [Entry] = [], principal: String? = nil) {
    self.entries = []
    self.principal = principal
    var bytes = 0
    for entry in entries where CallerContext.isCarried(entry.name) {
      bytes += entry.name.utf8.count + entry.value.utf8.count + 32
      if bytes > CallerContext.maximumBytes { break }
      self.entries.append(entry)
    }
  }

  /// Whether metadata of this name is handed on.
  public static func isCarried(_ name: String) -> Bool {
    name == "traceparent" || name == "tracestate" || name.hasPrefix("x-")
  }
}
