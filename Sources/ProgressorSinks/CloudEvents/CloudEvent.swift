public import MachineModel

/// What an entry is as an event: the context attributes of CloudEvents 1.0, without those that say
/// what the data are.
///
/// Source and id together name the event, also when it comes again.
public struct CloudEvent: Sendable, Hashable {
  /// The version of CloudEvents.
  public static let specVersion = "1.0"

  /// `<shard>-<sequence>`.
  public let id: String
  /// What happened: `progressor.v1.created`, `….event`, `….status_changed` or `….removed`.
  public let type: String
  /// `/progressor/<namespace>`, a reference to a URI.
  public let source: String
  /// The machine's id, as it is.
  public let subject: String
  /// When the step that made the entry ended, in RFC 3339.
  public let time: String

  /// The event that an entry is, the same each time.
  public init(_ entry: FeedEntry) {
    id = "\(entry.shard.number)-\(entry.sequence)"
    type = CloudEvent.type(of: entry.note.change.kind)
    source = "/progressor/" + CloudEvent.segment(entry.machine.namespace)
    subject = entry.machine.id
    time = entry.note.createdAt.rfc3339
  }

  /// The attributes as headers of a Kafka record, whose values are UTF-8 (CloudEvents 1.0, Kafka
  /// protocol binding, 3.2.3, binary content mode).
  public var kafkaHeaders: [(name: String, value: String)] {
    [
      ("ce_specversion", CloudEvent.specVersion), ("ce_id", id), ("ce_type", type),
      ("ce_source", source), ("ce_subject", subject), ("ce_time", time),
    ]
  }

  private static func type(of kind: FeedKind) -> String {
    switch kind {
    case .created: "progressor.v1.created"
    case .event: "progressor.v1.event"
    case .statusChanged: "progressor.v1.status_changed"
    case .removed: "progressor.v1.removed"
    }
  }

  /// A text as a segment of a path: what may not stand there is percent-encoded (RFC 3986, 2.1 and
  /// 3.3).
  private static func segment(_ text: String) -> String {
    if text.utf8.allSatisfy(standsInSegment) { return text }
    var result: [UInt8] = []
    for byte in text.utf8 {
      if standsInSegment(byte) {
        result.append(byte)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += (byte < 0x10 ? "%0" : "%").utf8
        result += digits.utf8
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// RFC 3986, 3.3: `pchar`, without what is percent-encoded already.
  private static func standsInSegment(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~!$&'()*+,;=:@".utf8.contains(byte)
    }
  }
}
