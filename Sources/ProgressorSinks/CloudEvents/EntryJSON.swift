import MachineModel
import ProgressorProto

/// An entry in protobuf's JSON form (protobuf.dev, "ProtoJSON Format") of `SubscribeResponse`:
/// fields that are not set, or have their zero value, are left out.
enum EntryJSON {
  /// The entry as a document of its own.
  static func bytes(_ entry: FeedEntry) -> [UInt8] {
    var json = JSONWriter()
    write(entry, to: &json)
    return json.bytes
  }

  /// Writes the entry as a value.
  static func write(_ entry: FeedEntry, to json: inout JSONWriter) {
    json.object { json in
      json.field("shard", entry.shard.number)
      json.field("sequence", entry.sequence)
      json.field("namespace", entry.machine.namespace)
      json.field("machineId", entry.machine.id)
      json.member("createdAt", entry.note.createdAt.rfc3339)
      switch entry.note.change {
      case .created: json.member("created") { $0.object { _ in } }
      case .event(let event): json.member("event") { write(event, to: &$0) }
      case .statusChanged(let failure): json.member("statusChanged") { write(failure, to: &$0) }
      case .removed: json.member("removed") { $0.object { _ in } }
      }
    }
  }

  private static func write(_ event: Event, to json: inout JSONWriter) {
    json.object { json in
      json.field("id", event.id)
      json.member("createdAt", event.createdAt.rfc3339)
      json.member("body") { json in
        json.object { json in
          json.field("formatVersion", event.body.formatVersion)
          if !event.body.data.isEmpty { json.member("data") { $0.base64(event.body.data) } }
        }
      }
    }
  }

  /// `StatusChanged`: failed, or works.
  private static func write(_ failure: Failure?, to json: inout JSONWriter) {
    json.object { json in
      json.member("status") { json in
        json.object { json in
          guard let failure else { return json.member("working") { $0.object { _ in } } }
          json.member("failed") { json in
            json.object { json in writeFields(of: failure, to: &json) }
          }
        }
      }
    }
  }

  private static func writeFields(of failure: Failure, to json: inout JSONWriter) {
    json.field("reason", failure.reason)
    json.member("failedAt", failure.failedAt.rfc3339)
    json.member("stepKind", failure.stepKind.protobufName)
    json.field("code", failure.code)
    json.field("attempts", failure.attempts)
    json.field("step", failure.step)
    json.field("principal", failure.principal ?? "")
  }
}

/// Fields of messages, which are left out where they have their zero value.
extension JSONWriter {
  fileprivate mutating func field(_ name: String, _ number: Int32) {
    if number != 0 { member(name) { $0.number(number) } }
  }

  /// A text: JavaScript's numbers cannot hold 64 bits.
  fileprivate mutating func field(_ name: String, _ number: Int64) {
    if number != 0 { member(name, String(number)) }
  }

  fileprivate mutating func field(_ name: String, _ text: String) {
    if !text.isEmpty { member(name, text) }
  }
}
