/// What the command line asks for.
struct Options {
  static let usage = """
    usage: progressor-simulate [--seeds COUNT] [--first SEED] [--steps INPUTS]
           progressor-simulate --seed SEED [--steps INPUTS] [--trace]
           progressor-simulate --crashes

      --seeds COUNT    how many seeds to run, default 100
      --first SEED     the first of them, default 1
      --steps INPUTS   inputs of each run's phase of faults, default 10000
      --workers COUNT  how many run at a time, default one per processor
      --seed SEED      run this seed alone
      --trace          print everything that happens in it
      --crashes        crash after every effect of every scenario, instead of seeds
      --keep-going     do not stop at the first seed that fails
      --no-shrink      do not look for a smaller run that fails in the same way
    """

  enum Mode { case seeds, trace, crashes }

  struct Mistake: Error, CustomStringConvertible {
    var description: String
  }

  var mode = Mode.seeds
  var first: UInt64 = 1
  var seeds: UInt64 = 100
  var steps = 10_000
  var workers = processorCount()
  var keepsGoing = false
  var shrinks = true

  init(_ arguments: some Sequence<String>) throws(Mistake) {
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--seeds": seeds = try Options.number(of: argument, &rest)
      case "--first", "--first-seed": first = try Options.number(of: argument, &rest)
      case "--steps": steps = Int(clamping: try Options.number(of: argument, &rest))
      case "--workers":
        workers = min(max(1, Int(clamping: try Options.number(of: argument, &rest))), 256)
      case "--seed":
        first = try Options.number(of: argument, &rest)
        seeds = 1
      case "--trace": mode = .trace
      case "--crashes": mode = .crashes
      case "--keep-going": keepsGoing = true
      case "--no-shrink": shrinks = false
      case "--help", "-h": throw Mistake(description: Options.usage)
      default: throw Mistake(description: "unknown argument \(argument)\n\n\(Options.usage)")
      }
    }
  }

  private static func number(of option: String, _ rest: inout ArraySlice<String>) throws(Mistake)
    -> UInt64
  {
    guard let text = rest.popFirst(), let number = UInt64(text) else {
      throw Mistake(description: "\(option) needs a number\n\n\(usage)")
    }
    return number
  }
}
