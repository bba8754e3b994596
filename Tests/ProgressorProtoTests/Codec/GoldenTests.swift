import MachineModel
import ProgressorProto
import Testing

/// The bytes of `protoc --encode`, an encoder that shares no code with ours.
@Suite struct GoldenTests {
  private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap { index in
      UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
    }
  }

  private func agrees<Message: ProtobufMessage>(
    _ message: Message, _ hexadecimal: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(message.encoded() == bytes(hexadecimal), sourceLocation: sourceLocation)
    #expect(
      try Message(decoding: bytes(hexadecimal)) == message, sourceLocation: sourceLocation)
  }

  @Test("A request is what protoc makes of it")
  func call() throws {
    try agrees(
      CallRequest(
        machineID: MachineID(namespace: "orders", id: "é"), args: [0x00, 0xFF],
        historyRange: HistoryRange(limit: 0, direction: .backward), idempotencyKey: "k"),
      "0a066f72646572731202c3a91a0200ff2204100018022a016b")
  }

  @Test("An invocation is what protoc makes of it")
  func invocation() throws {
    let machine = Machine(
      machineID: MachineID(namespace: "n", id: "i"),
      history: [
        Event(
          id: 1, createdAt: Timestamp(microseconds: -1), body: Content(data: Array("x".utf8)))
      ],
      status: .failed(
        Failure(
          reason: "why", failedAt: Timestamp(microseconds: 2_000_000), stepKind: .timeout,
          code: 13, attempts: 4)),
      timer: Timestamp(microseconds: 0), lastEventID: 1,
      createdAt: Timestamp(microseconds: 3_000_000))
    try agrees(
      ProcessSignalRequest(
        signal: .notification(args: Array("a".utf8), notificationID: "7"), machine: machine),
      """
      0a081a060a016112013712410a016e1201691a1a0801121108ffffffffffffffffff0110988cebdc031a0312\
      0178220218012a11120f0a03776879120208021804200d28043a0040014a020803
      """)
  }

  @Test("A processor's answer is what protoc makes of it")
  func answer() throws {
    // protoc wrote the range without a direction, we write it with one: the same range.
    let setting = TimerSetting(
      when: .timeout(microseconds: 1_500_000), historyRange: HistoryRange(), processingTimeout: 1)
    let answer = ProcessorAnswer(
      response: Array("r".utf8),
      change: StateChange(
        auxState: Content(data: []),
        events: [Content(formatVersion: -1, data: Array("e".utf8))]),
      action: Action(timer: .set(setting), remove: true))
    #expect(
      try ProcessCallResponse(
        decoding: bytes(
          """
          0a017212120a00120e08ffffffffffffffffff011201651a150a11120808011080cab5ee011a00220310e8\
          071801
          """)
      ) == ProcessCallResponse(answer: answer))
  }

  @Test("A namespace is what protoc makes of it, present zeros included")
  func namespace() throws {
    let namespace = Namespace(
      name: "n",
      processor: ProcessorOptions(
        endpoint: "h:1", timeout: 5_000_000, maxInFlight: 3, connections: 2),
      retryPolicy: RetryPolicy(
        initialInterval: 0, multiplier: 1.5, maxInterval: 60_000_000, maxAttempts: 0, jitter: 0,
        nonRetryable: ["ABORTED"]),
      limits: Limits(mailbox: 1, stepsInFlight: 2, notifications: 3),
      defaultHistoryRange: HistoryRange(limit: 10), idempotencyRetention: 1_000_000, version: 9)
    let decoded = try CreateNamespaceRequest(
      decoding: bytes(
        """
        0a490a016e120d0a03683a3112020805180320021a230a0011000000000000f83f1a02083c20002900000000\
        00000000320741424f5254454422060801100218032a02100a320208013809
        """))
    #expect(decoded.namespace == namespace)
  }

  @Test("Error details and health are what protoc makes of them")
  func standard() throws {
    try agrees(
      RichStatus(
        code: 5, message: "m",
        details: [AnyMessage(typeURL: ErrorInfo.typeURL, value: Array("\n\u{1}R".utf8))]),
      """
      080512016d1a2f0a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e4572726f\
      72496e666f12030a0152
      """)
    try agrees(
      ErrorInfo(
        reason: "R", domain: "progressor", metadata: ["machine_id": "i", "namespace": "n"]),
      """
      0a0152120a70726f67726573736f721a0f0a0a6d616368696e655f69641201691a0e0a096e616d6573706163\
      6512016e
      """)
    #expect(
      try HealthListResponse(decoding: bytes("0a060a00120208010a070a017312020802")).statuses
        == ["": .serving, "s": .notServing])
  }
}
