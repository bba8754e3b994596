import MachineModel
import Testing

@testable import ProgressorSinks

@Suite("An entry as an event of CloudEvents")
struct CloudEventTests {
  @Test("shard and number are its id, the namespace its source, the machine its subject")
  func attributes() {
    let event = CloudEvent(Sample.entry(9_007_199_254_740_993, shard: 0))
    #expect(event.id == "0-9007199254740993")
    #expect(event.source == "/progressor/orders")
    #expect(event.subject == "o-1")
    #expect(event.time == "2026-11-24T22:46:03.250Z")
  }

  @Test(
    "its type says what happened",
    arguments: [
      (FeedChange.created, "progressor.v1.created"),
      (
        .event(Event(id: 1, createdAt: Sample.time, body: Content(data: []))),
        "progressor.v1.event"
      ),
      (.statusChanged(nil), "progressor.v1.status_changed"), (.removed, "progressor.v1.removed"),
    ])
  func types(change: FeedChange, type: String) {
    #expect(CloudEvent(Sample.entry(1, change)).type == type)
  }

  @Test(
    "its source is a reference to a URI whatever the namespace is called",
    arguments: [
      ("a-b._~!$&'()*+,;=:@Z9", "a-b._~!$&'()*+,;=:@Z9"), ("a/b", "a%2Fb"),
      ("50% off?", "50%25%20off%3F"), ("#[x]", "%23%5Bx%5D"),
      ("\"\\<>^`{|}", "%22%5C%3C%3E%5E%60%7B%7C%7D"),
      ("é", "%C3%A9"), ("e\u{301}", "e%CC%81"), ("\u{202E}😀", "%E2%80%AE%F0%9F%98%80"),
      ("\u{85}", "%C2%85"),
    ])
  func source(namespace: String, segment: String) {
    #expect(CloudEvent(Sample.entry(namespace: namespace)).source == "/progressor/" + segment)
  }

  @Test("in a record of Kafka the attributes are headers, the subject as the machine is called")
  func kafka() {
    let headers = CloudEvent(Sample.entry(machine: Sample.hostile)).kafkaHeaders
    #expect(
      headers.map { "\($0.name)=\($0.value)" } == [
        "ce_specversion=1.0", "ce_id=3-17", "ce_type=progressor.v1.created",
        "ce_source=/progressor/orders", "ce_subject=\(Sample.hostile)",
        "ce_time=2026-11-24T22:46:03.250Z",
      ])
  }
}
