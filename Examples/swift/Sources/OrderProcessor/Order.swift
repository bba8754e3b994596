import Foundation
import GRPC
import MachineModel

/// The order as it stands: the machine's aux state. What happened to it, one by one: its events.
struct Order: Codable {
  var item: String
  var price: Int
  var state: String?

  init(_ json: [UInt8]) throws {
    self = try JSONDecoder().decode(Order.self, from: Data(json))
  }

  var json: [UInt8] { (try? JSONEncoder().encode(self)).map(Array.init) ?? [] }

  /// The new order, and the events to append: committed together with the action, or not at all.
  func change(_ events: String...) -> StateChange {
    StateChange(
      auxState: Content(formatVersion: 1, data: json),
      events: events.map { Content(formatVersion: 1, data: Array($0.utf8)) })
  }
}

/// Everything that can happen to an order; each answers what is to be changed.
enum OrderRules {
  static let paymentTimer = Action(
    timer: .set(TimerSetting(when: .timeout(microseconds: 20_000_000))))

  static func signal(_ signal: Signal, _ machine: Machine) throws -> ProcessorAnswer {
    switch signal {
    case .initialize(let args):
      guard var order = try? Order(args) else {
        throw RPCStatus(
          code: .invalidArgument, message: #"an order looks like {"item": "book", "price": 20}"#)
      }
      order.state = "placed"
      return ProcessorAnswer(change: order.change("placed"), action: paymentTimer)
    case .timeout:
      var order = try read(machine)
      if order.state == "placed" {
        order.state = "reminded"
        return ProcessorAnswer(change: order.change("reminded"), action: paymentTimer)
      }
      order.state = "cancelled"
      return ProcessorAnswer(change: order.change("cancelled: not paid"))
    case .notification(let args, _):
      var order = try read(machine)
      let report = String(decoding: args, as: UTF8.self)
      if order.state == "paid", report.hasPrefix("shipped") { order.state = "shipped" }
      return ProcessorAnswer(change: order.change(report))
    }
  }

  static func call(_ args: [UInt8], _ machine: Machine) throws -> ProcessorAnswer {
    var order = try read(machine)
    switch String(decoding: args, as: UTF8.self) {
    case "status":
      // Changes nothing, so nothing is written: a call is a consistent query as well.
      return ProcessorAnswer(response: order.json)
    case "pay":
      guard order.state == "placed" || order.state == "reminded" else {
        throw RPCStatus(code: .failedPrecondition, message: "the order is \(order.state ?? "")")
      }
      order.state = "paid"
      return ProcessorAnswer(
        response: Array("paid".utf8), change: order.change("paid"), action: Action(timer: .unset))
    case let command:
      // A refusal: the caller gets it, the order is as it was.
      throw RPCStatus(
        code: .invalidArgument, message: "cannot \"\(command)\": say pay or status")
    }
  }

  private static func read(_ machine: Machine) throws -> Order {
    try Order(machine.auxState?.data ?? [])
  }
}
