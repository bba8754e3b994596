import CRdkafka

extension KafkaRecord {
  /// Hands the record to librdkafka, which copies it. Answers why it did not take it.
  func produce(_ number: UInt64, to client: ClientPointer) -> KafkaError? {
    let headers = makeHeaders()
    let error = topic.withCString { topic in
      key.withUnsafeBytes { key in
        value.withUnsafeBytes { value in
          var fields = [
            field(RD_KAFKA_VTYPE_TOPIC) { $0.cstr = topic },
            bytes(RD_KAFKA_VTYPE_KEY, key), bytes(RD_KAFKA_VTYPE_VALUE, value),
            field(RD_KAFKA_VTYPE_TIMESTAMP) { $0.i64 = timestamp },
            field(RD_KAFKA_VTYPE_MSGFLAGS) { $0.i = RD_KAFKA_MSG_F_COPY },
            field(RD_KAFKA_VTYPE_OPAQUE) {
              $0.ptr = UnsafeMutableRawPointer(bitPattern: UInt(number))
            },
          ]
          if let headers { fields.append(field(RD_KAFKA_VTYPE_HEADERS) { $0.headers = headers }) }
          return rd_kafka_produceva(client.pointer, fields, fields.count)
        }
      }
    }
    guard let error else { return nil }
    defer { rd_kafka_error_destroy(error) }
    // Only what was accepted is librdkafka's (rdkafka.h, RD_KAFKA_V_HEADERS).
    if let headers { rd_kafka_headers_destroy(headers) }
    return KafkaError(
      KafkaError.Code(rd_kafka_error_code(error)), String(cString: rd_kafka_error_string(error)),
      isFatal: rd_kafka_error_is_fatal(error) != 0,
      isRetriable: rd_kafka_error_is_retriable(error) != 0)
  }

  private func makeHeaders() -> OpaquePointer? {
    guard !headers.isEmpty, let list = rd_kafka_headers_new(headers.count) else { return nil }
    for header in headers {
      header.value.withUnsafeBytes { value in
        // An empty value is no missing one.
        withUnsafePointer(to: 0 as UInt8) { nothing in
          _ = rd_kafka_header_add(
            list, header.name, header.name.utf8.count, value.baseAddress ?? .init(nothing),
            value.count)
        }
      }
    }
    return list
  }
}

private typealias FieldValue = rd_kafka_vu_s.__Unnamed_union_u

private func field(
  _ type: rd_kafka_vtype_t, _ fill: (inout FieldValue) -> Void
) -> rd_kafka_vu_t {
  var field = rd_kafka_vu_t()
  field.vtype = type
  fill(&field.u)
  return field
}

private func bytes(_ type: rd_kafka_vtype_t, _ bytes: UnsafeRawBufferPointer) -> rd_kafka_vu_t {
  field(type) {
    // librdkafka reads what it points to, and no more.
    $0.mem.ptr = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    $0.mem.size = bytes.count
  }
}
