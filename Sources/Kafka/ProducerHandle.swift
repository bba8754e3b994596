import CRdkafka
import Synchronization

/// librdkafka's `rd_kafka_t *`. All that is called with it here may be called from any thread
/// (rdkafka.h: "the API is thread-safe"); not after it was destroyed, which ``ProducerHandle`` sees
/// to.
struct ClientPointer: @unchecked Sendable {  // as said above
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }
}

/// A client of librdkafka, from any thread, until one of them destroys it.
final class ProducerHandle: Sendable {
  private let client: Mutex<ClientPointer?>

  init(_ client: ClientPointer) { self.client = Mutex(client) }

  /// Hands a record over without waiting. Of what is in it nothing is needed afterwards.
  func send(_ record: KafkaRecord, _ number: UInt64) throws(KafkaError) {
    let error = client.withLock { client -> KafkaError? in
      guard let client else { return KafkaError(.closed) }
      return record.produce(number, to: client)
    }
    if let error { throw error }
  }

  /// Why the client can do nothing more; nil = it can.
  var fatalError: KafkaError? {
    client.withLock { client in
      guard let client else { return nil }
      let (code, text) = withErrorText { rd_kafka_fatal_error(client.pointer, $0, $1) }
      if code == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
      return KafkaError(KafkaError.Code(code), text, isFatal: true)
    }
  }

  /// Gets the thread that waits for events out of it; or the next one that would.
  func wake() {
    client.withLock { client in
      guard let client, let queue = rd_kafka_queue_get_main(client.pointer) else { return }
      rd_kafka_queue_yield(queue)
      rd_kafka_queue_destroy(queue)
    }
  }

  /// Its main queue, which whoever asks must destroy before the client is; nil once that is.
  func mainQueue() -> ClientPointer? {
    client.withLock { client in
      client.flatMap { rd_kafka_queue_get_main($0.pointer) }.map { ClientPointer($0) }
    }
  }

  /// The client, for the thread that will destroy it; nil once it has.
  var ownClient: ClientPointer? { client.withLock { $0 } }

  /// Makes librdkafka say that a fatal error has happened: for tests (`rd_kafka_test_fatal_error`).
  func failForGood(_ code: KafkaError.Code, _ text: String) {
    client.withLock { client in
      guard let client else { return }
      _ = rd_kafka_test_fatal_error(client.pointer, code.c, text)
    }
  }

  /// Forgets every record, so that none of them goes out any more, and ends all connections.
  /// Blocks until librdkafka's threads have ended, one of which may be looking up a host's name.
  func destroy() {
    let taken = client.withLock { client in
      defer { client = nil }
      return client
    }
    guard let taken else { return }
    rd_kafka_purge(taken.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
    rd_kafka_destroy_flags(taken.pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
  }
}
