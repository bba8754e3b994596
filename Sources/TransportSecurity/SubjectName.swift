/// The common name in the subject of a certificate (RFC 5280, section 4.1.2.6).
///
/// What reads it knows no more of DER (X.690) than how long things are: the certificate was taken
/// apart by BoringSSL before, so what is no DER is not expected, and has no name.
enum SubjectName {
  /// The first one; nil = there is none that is text of ASCII or UTF-8.
  static func commonName(ofCertificate bytes: [UInt8]) -> String? {
    var file = DERReader(bytes[...])
    guard var certificate = file.next(DERTag.sequence)?.contents,
      var body = certificate.next(DERTag.sequence)?.contents
    else { return nil }
    // Version, where it is not the first one; serial number, algorithm, issuer, validity.
    _ = body.next(DERTag.version)
    for tag in [DERTag.integer, DERTag.sequence, DERTag.sequence, DERTag.sequence] {
      guard body.next(tag) != nil else { return nil }
    }
    guard var subject = body.next(DERTag.sequence)?.contents else { return nil }
    while var attributes = subject.next(DERTag.set)?.contents {
      while var attribute = attributes.next(DERTag.sequence)?.contents {
        guard let type = attribute.next(DERTag.objectIdentifier), let value = attribute.next()
        else { return nil }
        if type.contents.rest.elementsEqual(commonNameType) { return text(value) }
      }
    }
    return nil
  }

  /// 2.5.4.3
  private static let commonNameType: [UInt8] = [0x55, 0x04, 0x03]

  private static func text(_ value: DERReader.Element) -> String? {
    guard [DERTag.utf8String, DERTag.printableString, DERTag.ia5String].contains(value.tag) else {
      return nil
    }
    return String(validating: value.contents.rest, as: UTF8.self)
  }
}

private enum DERTag {
  static let integer: UInt8 = 0x02
  static let objectIdentifier: UInt8 = 0x06
  static let utf8String: UInt8 = 0x0C
  static let printableString: UInt8 = 0x13
  static let ia5String: UInt8 = 0x16
  static let sequence: UInt8 = 0x30
  static let set: UInt8 = 0x31
  static let version: UInt8 = 0xA0
}

/// Elements of DER, one after the other.
private struct DERReader {
  struct Element {
    let tag: UInt8
    let contents: DERReader
  }

  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// The next element, if it has this tag; any, without one.
  mutating func next(_ tag: UInt8? = nil) -> Element? {
    var bytes = rest
    guard let first = bytes.popFirst(), tag == nil || first == tag,
      let length = Self.length(&bytes), length <= bytes.count
    else { return nil }
    rest = bytes.dropFirst(length)
    return Element(tag: first, contents: DERReader(bytes.prefix(length)))
  }

  private static func length(_ bytes: inout ArraySlice<UInt8>) -> Int? {
    guard let first = bytes.popFirst() else { return nil }
    if first < 0x80 { return Int(first) }
    let count = Int(first & 0x7F)
    guard (1...4).contains(count), bytes.count >= count else { return nil }
    let length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    bytes = bytes.dropFirst(count)
    return length
  }
}
