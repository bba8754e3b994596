/// TLS to a processor. Paths are the server's, of PEM files; an empty text stands for none.
public struct ProcessorTLS: Sendable, Hashable {
  /// Certificates to trust; empty = those of the system.
  public var caFile: String
  /// What is shown to processors that ask, leaf first; with `keyFile`.
  public var certificateFile: String
  /// The private key of `certificateFile`.
  public var keyFile: String
  /// The DNS name that the processor's certificate must have; empty = the host of the endpoint.
  public var serverName: String

  /// Trusts whom the system trusts, unless more is said.
  public init(
    caFile: String = "", certificateFile: String = "", keyFile: String = "",
    serverName: String = ""
  ) {
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
  }

  /// The paths of files, by the names of their fields.
  public var files: [(field: String, path: String)] {
    [("ca_file", caFile), ("certificate_file", certificateFile), ("key_file", keyFile)]
  }
}

extension ProcessorTLS {
  /// What is out of its range; nil = nothing.
  var fault: FieldFault? {
    for (field, text) in files + [("server_name", serverName)] {
      // What separates the texts where they are stored is in none of them.
      let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "|") }
      if !isPlain {
        return FieldFault(
          "processor.tls.\(field)", "contains a space, a control character or \"|\"")
      }
    }
    if certificateFile.isEmpty, !keyFile.isEmpty {
      return FieldFault("processor.tls.certificate_file", "must be set with key_file")
    }
    if keyFile.isEmpty, !certificateFile.isEmpty {
      return FieldFault("processor.tls.key_file", "must be set with certificate_file")
    }
    let isName = serverName.utf8.allSatisfy(Self.isNameByte) && serverName.utf8.count <= 253
    // An address in the place of a name ends in a number, as no name does (RFC 3696, section 2).
    let last = serverName.utf8.split(separator: UInt8(ascii: ".")).last
    let isAddress = last?.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    if !isName || isAddress == true {
      return FieldFault(
        "processor.tls.server_name",
        "must be a DNS name; of an IP address in the endpoint, that is looked for")
    }
    return nil
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
