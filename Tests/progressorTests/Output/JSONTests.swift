import MachineModel
import ProgressorProto
import Testing

@testable import progressor

@Suite("JSON for programs")
struct JSONTests {
  @Test("bytes are base64, with their text beside them when they are UTF-8")
  func payloads() {
    #expect(
      PayloadText.members("data", Array("hi".utf8)) == [
        .init("data", .string("aGk=")), .init("text", .string("hi")),
      ])
    #expect(PayloadText.members("response", [0xFF]) == [.init("response", .string("/w=="))])
  }

  @Test("a machine has the field names of the contract's JSON form")
  func machine() {
    let machine = Machine(
      machineID: MachineID(namespace: "n", id: "a"),
      history: [
        Event(id: 1, createdAt: Timestamp(microseconds: 0), body: Content(data: [104, 105]))
      ],
      historyRange: HistoryRange(after: 0, limit: 1, direction: .backward),
      status: .failed(
        Failure(
          reason: "r", failedAt: Timestamp(microseconds: 1), stepKind: .timeout, code: 13,
          attempts: 2, step: "t-1", principal: "alice")),
      auxState: Content(formatVersion: 2, data: []), timer: Timestamp(microseconds: 1_000),
      lastEventID: 1, createdAt: Timestamp(microseconds: 0),
      pause: Pause(pausedAt: Timestamp(microseconds: 0), reason: "", principal: "bob"),
      since: Timestamp(microseconds: 1))
    #expect(
      MachineJSON.value(machine).text() == """
        {
          "namespace": "n",
          "id": "a",
          "status": {
            "failed": {
              "reason": "r",
              "failedAt": "1970-01-01T00:00:00.000001Z",
              "stepKind": "STEP_KIND_TIMEOUT",
              "code": 13,
              "attempts": 2,
              "step": "t-1",
              "principal": "alice"
            }
          },
          "auxState": {
            "formatVersion": 2,
            "data": "",
            "text": ""
          },
          "timer": "1970-01-01T00:00:00.001Z",
          "lastEventId": "1",
          "createdAt": "1970-01-01T00:00:00Z",
          "paused": {
            "pausedAt": "1970-01-01T00:00:00Z",
            "reason": "",
            "principal": "bob"
          },
          "since": "1970-01-01T00:00:00.000001Z",
          "historyRange": {
            "after": "0",
            "limit": 1,
            "direction": "DIRECTION_BACKWARD"
          },
          "history": [
            {
              "id": "1",
              "createdAt": "1970-01-01T00:00:00Z",
              "body": {
                "formatVersion": 0,
                "data": "aGk=",
                "text": "hi"
              }
            }
          ]
        }
        """)
  }
}
