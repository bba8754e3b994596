import MachineModel

/// The text in the column `endpoint` of a namespace.
///
/// Without TLS it is the endpoint. With TLS that stands behind a prefix that is no host and no
/// scheme, so that a node that does not know of TLS finds an endpoint that it cannot use: it must
/// not connect in the clear.
enum StoredEndpoint {
  private static let prefix = "tls|"

  /// `HOST:PORT`, or `tls|CA|CERTIFICATE|KEY|SERVER NAME|HOST:PORT`; of the texts before the
  /// endpoint none has the separator.
  static func text(_ processor: ProcessorOptions) -> String {
    guard let tls = processor.tls else { return processor.endpoint }
    let parts = tls.files.map(\.path) + [tls.serverName, processor.endpoint]
    return prefix + parts.joined(separator: "|")
  }

  /// What a text says; nil = no server has written it.
  static func read(_ text: String) -> (endpoint: String, tls: ProcessorTLS?)? {
    guard text.utf8.starts(with: prefix.utf8) else { return (text, nil) }
    // Byte by byte: an accent that follows a separator must not hide it.
    let parts = text.utf8.dropFirst(prefix.utf8.count).split(
      separator: UInt8(ascii: "|"), maxSplits: 4, omittingEmptySubsequences: false
    ).map { String(Substring($0)) }
    guard parts.count == 5 else { return nil }
    let tls = ProcessorTLS(
      caFile: parts[0], certificateFile: parts[1], keyFile: parts[2], serverName: parts[3])
    return (parts[4], tls)
  }
}
