import NIOCore

@testable import GRPC

extension FuzzTarget {
  /// Messages of gRPC, compressed or not.
  static let framing = FuzzTarget(
    name: "framing", maximumBytes: 4_096, seeds: { FramingSeeds.all },
    check: .atOnce { try FramingCheck($0).run() })
}

/// Three bytes say the limit, the encoding, and how the bytes are cut.
private struct FramingCheck {
  private let limit: Int
  private let encoding: MessageEncoding
  private let cut: UInt8
  private let input: FuzzInput

  init(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    limit = Int(input.byte()) * 64
    encoding = input.byte() & 1 == 0 ? .identity : .gzip
    cut = input.byte()
    self.input = input
  }

  private struct Outcome: Equatable {
    var messages: [ByteBuffer] = []
    var error: FramingError?
  }

  func run() throws {
    let whole = try read([input.rest])
    let pieces = try read(input.pieces(by: cut))
    try demand(whole == pieces, "whole: \(whole), in pieces: \(pieces)")
    for message in whole.messages { try checkRoundTrip(message) }
    try checkInflating(ByteBuffer(bytes: input.rest))
  }

  /// No limit is negative: an error that only this check throws.
  private static let overfull = FramingError.messageTooLarge(limit: -1)

  private func read(_ pieces: [ArraySlice<UInt8>]) throws -> Outcome {
    var deframer = MessageDeframer(maximumMessageSize: limit, encoding: encoding)
    var outcome = Outcome()
    do throws(FramingError) {
      for (index, piece) in pieces.enumerated() {
        if index.isMultiple(of: 2) {
          deframer.append(piece.span.bytes)
        } else {
          deframer.append(ByteBuffer(bytes: piece))
        }
        while let message = try deframer.next() { outcome.messages.append(message) }
        if deframer.bufferedBytes > limit + MessageDeframer.prefixLength { throw Self.overfull }
      }
      try deframer.finish()
    } catch {
      outcome.error = error
    }
    try demand(outcome.error != Self.overfull, "more is kept of a message than its limit")
    for message in outcome.messages {
      try demand(message.readableBytes <= limit, "a message is longer than \(limit) bytes")
    }
    return outcome
  }

  /// What is sent is what is read, whatever the encoding.
  private func checkRoundTrip(_ message: ByteBuffer) throws {
    for encoding in MessageEncoding.allCases {
      let framed = try MessageFramer.frame(message, encoding: encoding)
      var deframer = MessageDeframer(maximumMessageSize: message.readableBytes, encoding: encoding)
      // Deflating pays only where it makes a message shorter, so that its limit holds for both.
      deframer.append(framed)
      try demand(try deframer.next() == message, "a message of \(encoding) comes back otherwise")
      try deframer.finish()
    }
    guard let deflated = Gzip.deflate(message) else { return }
    let inflated = try Gzip.inflate(deflated, limit: message.readableBytes)
    try demand(inflated == message, "what was deflated comes back otherwise")
  }

  /// In steps of any size it comes to what it comes to at once, and never holds more than its limit
  /// and one byte.
  private func checkInflating(_ bytes: ByteBuffer) throws {
    var (atOnce, inSteps): (Outcome, Outcome) = (Outcome(), Outcome())
    do throws(FramingError) {
      atOnce.messages = [try Gzip.inflate(bytes, limit: limit)]
    } catch {
      atOnce.error = error
    }
    var largest = 0
    do throws(FramingError) {
      let inflation = try Inflation(bytes, limit: limit)
      var isComplete = false
      while !isComplete {
        do throws(FramingError) { isComplete = try inflation.step(Int(cut) + 1) } catch {
          largest = max(largest, inflation.output.readableBytes)
          throw error
        }
        largest = max(largest, inflation.output.readableBytes)
      }
      inSteps.messages = [inflation.output]
    } catch {
      inSteps.error = error
    }
    try demand(atOnce == inSteps, "inflated at once: \(atOnce), in steps: \(inSteps)")
    try demand(largest <= limit + 1, "\(largest) bytes were inflated, beyond a limit of \(limit)")
  }
}

enum FramingSeeds {
  /// "hello" as gzip 1.12 writes it.
  static let gzip: [UInt8] = [
    0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0, 0x86, 0xA6,
    0x10, 0x36, 0x05, 0, 0, 0,
  ]

  fileprivate static var all: [[UInt8]] {
    let plain = WireBytes.message(Array("hello".utf8))
    let compressed = WireBytes.message(gzip, isCompressed: true)
    let large = Gzip.deflate(ByteBuffer(repeating: 7, count: 9_000)).map { Array(buffer: $0) } ?? []
    return [
      [1, 0, 2] + plain + plain, [1, 1, 0] + compressed + plain, [1, 1, 3] + gzip + gzip,
      [9, 1, 7] + WireBytes.message(large, isCompressed: true), [255, 1, 200] + large,
      [0, 0, 1] + WireBytes.message([]), [1, 0, 1, 2],
    ]
  }
}
