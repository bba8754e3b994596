import MachineModel
import ProgressorProto

/// Entries as one document: an array of events in structured mode (CloudEvents 1.0, JSON event
/// format, section 4, "JSON Batch Format").
struct CloudEventBatch {
  /// The value of `content-type`.
  static let contentType = "application/cloudevents-batch+json; charset=utf-8"

  /// How many entries are in it: of those that were given, the first ones.
  let count: Int
  /// The document.
  let body: [UInt8]

  /// Takes the first entry, and those behind it that fit.
  ///
  /// - Parameter bytes: What the document may have; one entry alone may have more.
  init(_ entries: ArraySlice<FeedEntry>, atMost limit: Int, bytes: Int) {
    var json = JSONWriter()
    var count = 0
    json.array { json in
      for entry in entries.prefix(limit) {
        let end = json.bytes.count
        // In JSON it has more, so that what is far too large is not written in vain.
        if count > 0, end + entry.note.bytes > bytes { break }
        CloudEventBatch.write(entry, to: &json)
        // One byte more closes the array.
        if count > 0, json.bytes.count >= bytes {
          json.removeAll(behind: end)
          break
        }
        count += 1
      }
    }
    self.count = count
    body = json.bytes
  }

  private static func write(_ entry: FeedEntry, to json: inout JSONWriter) {
    let event = CloudEvent(entry)
    json.object { json in
      json.member("specversion", CloudEvent.specVersion)
      json.member("id", event.id)
      json.member("source", event.source)
      json.member("type", event.type)
      json.member("subject", event.subject)
      json.member("time", event.time)
      json.member("datacontenttype", "application/json")
      json.member("data") { EntryJSON.write(entry, to: &$0) }
    }
  }
}
