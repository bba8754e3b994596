import MachineModel
import Testing

@testable import ProgressorSinks

@Suite("A batch of events")
struct CloudEventBatchTests {
  private func batch(
    _ entries: [FeedEntry], atMost limit: Int = 100, bytes: Int = 1 << 20
  ) -> CloudEventBatch {
    CloudEventBatch(entries[...], atMost: limit, bytes: bytes)
  }

  @Test("it is an array of events with their attributes and the entry as data")
  func document() {
    let batch = batch([Sample.entry(), Sample.entry(18, .removed, namespace: "a b")])
    #expect(batch.count == 2)
    #expect(
      String(decoding: batch.body, as: UTF8.self)
        == #"[{"specversion":"1.0","id":"3-17","source":"/progressor/orders","#
        + #""type":"progressor.v1.created","subject":"o-1","time":"2026-11-24T22:46:03.250Z","#
        + #""datacontenttype":"application/json","data":{"shard":3,"sequence":"17","#
        + #""namespace":"orders","machineId":"o-1","createdAt":"2026-11-24T22:46:03.250Z","#
        + #""created":{}}},"#
        + #"{"specversion":"1.0","id":"3-18","source":"/progressor/a%20b","#
        + #""type":"progressor.v1.removed","subject":"o-1","time":"2026-11-24T22:46:03.250Z","#
        + #""datacontenttype":"application/json","data":{"shard":3,"sequence":"18","#
        + #""namespace":"a b","machineId":"o-1","createdAt":"2026-11-24T22:46:03.250Z","#
        + #""removed":{}}}]"#)
  }

  @Test("it takes the first entries, as many as it may have")
  func number() {
    #expect(batch(Sample.entries(5), atMost: 3).count == 3)
    #expect(batch(Sample.entries(2), atMost: 3).count == 2)
  }

  @Test("it takes no entry by which it would become larger than it may be")
  func size() {
    let three = batch(Sample.entries(3))
    #expect(batch(Sample.entries(3), bytes: three.body.count).count == 3)
    let two = batch(Sample.entries(3), bytes: three.body.count - 1)
    #expect(two.count == 2)
    #expect(two.body == batch(Sample.entries(2)).body, "nothing is left of the third")
  }

  @Test("the first entry is taken however large it is, and alone")
  func large() {
    let large = Sample.event(1, bytes: 2000)
    let alone = batch([large, Sample.entry(2)], bytes: 1000)
    #expect(alone.count == 1 && alone.body.count > 2000)
    #expect(batch([Sample.entry(2), large], bytes: 1000).count == 1)
  }
}
