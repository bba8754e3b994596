import NIOSSL

/// What a certificate says of whose it is.
struct CertificateNames {
  private let certificate: NIOSSLCertificate

  init(_ certificate: NIOSSLCertificate) { self.certificate = certificate }

  /// By what a client is known: the first URI of the alternative names; else the first DNS name;
  /// else the common name. nil = there is none of them, or what is there is no text.
  var principal: String? {
    // Where there is a name of a kind, no other kind stands in for it, whatever it is.
    if let uri = first(.uri) { return uri.text }
    if let name = first(.dnsName) { return name.text }
    guard let bytes = try? certificate.toDERBytes() else { return nil }
    return SubjectName.commonName(ofCertificate: bytes)
  }

  /// Whether one of the DNS names is this one: the same but for case, or with `*` for its first
  /// label (RFC 9525, section 6.3). An address of the certificate, or its common name, is no DNS
  /// name.
  func has(dnsName: String) -> Bool {
    let wanted = Self.labels(Array(dnsName.utf8))
    if wanted.contains([]) { return false }
    for name in certificate._subjectAlternativeNames() where name.nameType == .dnsName {
      let labels = Self.labels(Array(name.contents))
      guard labels.count == wanted.count, !labels.contains([]) else { continue }
      let isWildcard = labels[0] == [UInt8(ascii: "*")] && labels.count > 2
      if labels[1...] == wanted[1...], isWildcard || labels[0] == wanted[0] { return true }
    }
    return false
  }

  private struct Name {
    let text: String?
  }

  private func first(_ type: _SubjectAlternativeName.NameType) -> Name? {
    for name in certificate._subjectAlternativeNames() where name.nameType == type {
      return Name(text: String(validating: Array(name.contents), as: UTF8.self))
    }
    return nil
  }

  /// In lower case, without the dot at the end; at least one.
  private static func labels(_ name: [UInt8]) -> [[UInt8]] {
    let lowered = name.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    let trimmed = lowered.last == UInt8(ascii: ".") ? lowered.dropLast() : lowered[...]
    return trimmed.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      .map(Array.init)
  }
}
